"""A carrier for tests: the other end of a telephone call, in any of our protocols.

plan = CallPlan(says=(CallerSays(sound=read_wav("question.wav")),))
call = await place_call(transport, "twilio", plan)
call.report.spoken[0].first_audio_ms
"""

from duologue.telephony.carrier.call_plan import CallerSays, CallPlan, KeysAt
from duologue.telephony.carrier.call_report import CallReport, ClearReport, PieceReport, SpokenReport
from duologue.telephony.carrier.call_sound import CallSound
from duologue.telephony.carrier.calling import CallSettings, OutgoingCall, place_call
from duologue.telephony.carrier.carrier import Carrier, MarkEcho
from duologue.telephony.carrier.dialling import dial
from duologue.telephony.carrier.networks import CARRIERS, CallIds, CarrierNetwork, network_named
from duologue.telephony.carrier.rough_line import LineQuality

__all__ = [
    "CARRIERS",
    "CallIds",
    "CallPlan",
    "CallReport",
    "CallSettings",
    "CallSound",
    "CallerSays",
    "Carrier",
    "ClearReport",
    "KeysAt",
    "LineQuality",
    "MarkEcho",
    "CarrierNetwork",
    "OutgoingCall",
    "PieceReport",
    "SpokenReport",
    "dial",
    "network_named",
    "place_call",
]
