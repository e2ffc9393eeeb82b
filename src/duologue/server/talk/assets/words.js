// @ts-check

// What went wrong, in words.

/** The server takes no call like this; the message may be shown. */
export class Refusal extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, isOfWay?: boolean}} [about] the HTTP status; whether another way of connecting may do
   */
  constructor(message, { status = 0, isOfWay = false } = {}) {
    super(message);
    this.status = status;
    this.isOfWay = isOfWay;
  }
}

export const UNREACHABLE = 'The server takes no WebSocket here: it may be gone, or a proxy in between does not pass WebSockets on.';

/** @type {{[name: string]: string}} */
const MICROPHONE = {
  NotAllowedError: 'This page may not use the microphone. Allow it in the browser (beside the address), and start again.',
  SecurityError: 'This page may not use the microphone. Allow it in the browser (beside the address), and start again.',
  NotFoundError: 'There is no microphone.',
  NotReadableError: 'The microphone does not work: another program may use it.',
  AbortError: 'The microphone does not work: another program may use it.',
};

/**
 * Why there is no microphone.
 * @param {unknown} fault
 */
export function withoutMicrophone(fault) {
  const name = fault instanceof Error || fault instanceof DOMException ? fault.name : '';
  return MICROPHONE[name] ?? `The microphone does not work (${name === '' ? 'no reason given' : name}).`;
}

/** Why a browser gives this page no microphone at all. */
export const INSECURE = [
  `Browsers give the microphone to pages of https://, and of this machine: ${location.origin} is neither.`,
  'Serve with --tls-cert, or open the page on the machine of the server. You can type in the meantime.',
].join(' ');

/**
 * Raises Refusal: the answer is an error.
 * @param {Response} answer
 */
export async function checked(answer) {
  if (answer.ok) return answer;
  let message = `The server answered ${answer.status}.`;
  try {
    const told = (await answer.json()).error.message;
    if (typeof told === 'string') message = told;
  } catch {
    // The status says what there is to say.
  }
  if ([404, 405].includes(answer.status)) message = 'this server does not know it';
  throw new Refusal(message, { status: answer.status, isOfWay: [404, 405, 415, 501, 502, 503, 504].includes(answer.status) });
}
