// A page as the hosted service's guide to WebRTC shows one: no package, seven calls of the browser's own.

window.seen = [];
window.audioElement = document.createElement('audio');
audioElement.autoplay = true;

window.begin = async (calls, key, session) => {
  const peer = new RTCPeerConnection();
  peer.ontrack = (event) => {
    audioElement.srcObject = event.streams[0];
  };
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  peer.addTrack(microphone.getTracks()[0]);
  window.channel = peer.createDataChannel('oai-events');
  channel.addEventListener('message', ({ data }) => seen.push({ at: performance.now() / 1000, ...JSON.parse(data) }));
  await peer.setLocalDescription(await peer.createOffer());
  let [body, headers] = [peer.localDescription.sdp, { 'Content-Type': 'application/sdp' }];
  if (session !== undefined) {
    // The unified interface: the page's own server would pass this on.
    [body, headers] = [new FormData(), {}];
    body.set('sdp', peer.localDescription.sdp);
    body.set('session', JSON.stringify(session));
  }
  const answer = await fetch(calls, { method: 'POST', body, headers: { Authorization: `Bearer ${key}`, ...headers } });
  await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  window.peer = peer;
  audioElement.play().catch(() => undefined);
  window.listener = await listen({ model: audioElement.srcObject });
  return answer.headers.get('Location');
};

window.end = () => peer.close();
window.count = (type) => seen.filter((event) => event.type === type).length;
