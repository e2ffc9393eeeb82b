"""The Decision API inside a Live session: questions, answers, and the items that decisions are made from."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

from duologue.events.base import UNSET, Id, Maybe, Number, UnknownVariant, Variant, WireObject

__all__ = [
    "Decision",
    "DecisionAnswer",
    "DecisionChoiceAnswer",
    "DecisionChoiceOption",
    "DecisionChoiceProbability",
    "DecisionChoiceQuestion",
    "DecisionCompleted",
    "DecisionCustomToolCall",
    "DecisionCustomToolCallOutput",
    "DecisionFunctionCall",
    "DecisionFunctionCallOutput",
    "DecisionInputImage",
    "DecisionInputJson",
    "DecisionInputText",
    "DecisionItem",
    "DecisionMessage",
    "DecisionOutputText",
    "DecisionPart",
    "DecisionPredicateAnswer",
    "DecisionPredicateQuestion",
    "DecisionQuestion",
    "DecisionRefusal",
    "DecisionRefusalAnswer",
    "DecisionResult",
    "DecisionScoreAnswer",
    "DecisionScoreLevel",
    "DecisionScoreProbability",
    "DecisionScoreQuestion",
    "DecisionUsage",
    "DecisionUsageInputDetails",
    "DecisionUsageOutputDetails",
    "LiveDecisionTrigger",
    "LiveDecisionTriggerConfig",
    "UnknownDecisionAnswer",
    "UnknownDecisionItem",
    "UnknownDecisionPart",
    "UnknownDecisionQuestion",
    "UnknownDecisionResult",
]

# --- parts of content -----------------------------------------------------------------------------------------------


class DecisionInputText(Variant, frozen=True, kw_only=True, tag="input_text"):
    """Text that the model reads."""

    type: ClassVar[Literal["input_text"]] = "input_text"
    text: str


class DecisionInputImage(Variant, frozen=True, kw_only=True, tag="input_image"):
    """A picture, by its address or as a data URI."""

    type: ClassVar[Literal["input_image"]] = "input_image"
    image_url: str
    detail: Maybe[str] = UNSET


class DecisionInputJson(Variant, frozen=True, kw_only=True, tag="input_json"):
    """An object, or a list of objects, that the model reads."""

    type: ClassVar[Literal["input_json"]] = "input_json"
    data: Any


class DecisionOutputText(Variant, frozen=True, kw_only=True, tag="output_text"):
    """Text of an assistant's earlier answer."""

    type: ClassVar[Literal["output_text"]] = "output_text"
    text: str


class DecisionRefusal(Variant, frozen=True, kw_only=True, tag="refusal"):
    """An earlier answer in which the assistant refused."""

    type: ClassVar[Literal["refusal"]] = "refusal"
    refusal: str


class UnknownDecisionPart(UnknownVariant, frozen=True, kw_only=True):
    """A kind of content that this version does not know."""


DecisionPart: TypeAlias = (
    DecisionInputText
    | DecisionInputImage
    | DecisionInputJson
    | DecisionOutputText
    | DecisionRefusal
    | UnknownDecisionPart
)

# --- questions ------------------------------------------------------------------------------------------------------


class DecisionChoiceOption(WireObject, frozen=True, kw_only=True):
    """One of the values to choose from."""

    value: str | bool
    description: Maybe[str] = UNSET


class DecisionChoiceQuestion(Variant, frozen=True, kw_only=True, tag="choice"):
    """Which of these values?"""

    type: ClassVar[Literal["choice"]] = "choice"
    choices: list[DecisionChoiceOption]
    instructions: str | list[DecisionPart]
    name: Maybe[str] = UNSET


class DecisionPredicateQuestion(Variant, frozen=True, kw_only=True, tag="predicate"):
    """How probable is it that this holds?"""

    type: ClassVar[Literal["predicate"]] = "predicate"
    instructions: str | list[DecisionPart]
    name: Maybe[str] = UNSET


class DecisionScoreLevel(WireObject, frozen=True, kw_only=True):
    """A step of a scale; its place in the list is its value."""

    label: str
    description: Maybe[str] = UNSET


class DecisionScoreQuestion(Variant, frozen=True, kw_only=True, tag="score"):
    """Where on this scale?"""

    type: ClassVar[Literal["score"]] = "score"
    instructions: str | list[DecisionPart]
    levels: list[DecisionScoreLevel]
    name: Maybe[str] = UNSET


class UnknownDecisionQuestion(UnknownVariant, frozen=True, kw_only=True):
    """A kind of question that this version does not know."""


DecisionQuestion: TypeAlias = (
    DecisionChoiceQuestion | DecisionPredicateQuestion | DecisionScoreQuestion | UnknownDecisionQuestion
)


class LiveDecisionTriggerConfig(WireObject, frozen=True, kw_only=True):
    """The questions of a trigger."""

    questions: list[DecisionQuestion]


class LiveDecisionTrigger(WireObject, frozen=True, kw_only=True):
    """Asks questions at every event of a kind: a delta of the input's or of the output's transcript."""

    type: Maybe[str] = UNSET
    event_type: str
    decisions: LiveDecisionTriggerConfig


# --- answers --------------------------------------------------------------------------------------------------------


class DecisionChoiceProbability(WireObject, frozen=True, kw_only=True):
    """How probable a value is, from 0 to 1."""

    value: str | bool
    probability: Number


class DecisionChoiceAnswer(Variant, frozen=True, kw_only=True, tag="choice"):
    """The value that was chosen, and how sure that is."""

    type: ClassVar[Literal["choice"]] = "choice"
    choice: str | bool
    confidence: Number
    probabilities: list[DecisionChoiceProbability]
    name: Maybe[str] = UNSET


class DecisionPredicateAnswer(Variant, frozen=True, kw_only=True, tag="predicate"):
    """How probable it is that the question's statement holds, from 0 to 1."""

    type: ClassVar[Literal["predicate"]] = "predicate"
    probability: Number
    name: Maybe[str] = UNSET


class DecisionScoreProbability(WireObject, frozen=True, kw_only=True):
    """How probable a step of the scale is, from 0 to 1."""

    label: str
    probability: Number
    value: int


class DecisionScoreAnswer(Variant, frozen=True, kw_only=True, tag="score"):
    """The place on the scale, and how sure that is."""

    type: ClassVar[Literal["score"]] = "score"
    score: Number
    confidence: Number
    probabilities: list[DecisionScoreProbability]
    name: Maybe[str] = UNSET


class DecisionRefusalAnswer(Variant, frozen=True, kw_only=True, tag="refusal"):
    """The question is not answered."""

    type: ClassVar[Literal["refusal"]] = "refusal"
    name: Maybe[str] = UNSET


class UnknownDecisionAnswer(UnknownVariant, frozen=True, kw_only=True):
    """A kind of answer that this version does not know."""


DecisionAnswer: TypeAlias = (
    DecisionChoiceAnswer | DecisionPredicateAnswer | DecisionScoreAnswer | DecisionRefusalAnswer | UnknownDecisionAnswer
)


class DecisionUsageInputDetails(WireObject, frozen=True, kw_only=True):
    """Input tokens that were read from a cache, or written to it."""

    cached_tokens: Maybe[int] = UNSET
    cache_write_tokens: Maybe[int] = UNSET


class DecisionUsageOutputDetails(WireObject, frozen=True, kw_only=True):
    """Output tokens that were spent on reasoning."""

    reasoning_tokens: Maybe[int] = UNSET


class DecisionUsage(WireObject, frozen=True, kw_only=True):
    """Tokens of one decision."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: Maybe[DecisionUsageInputDetails] = UNSET
    output_tokens_details: Maybe[DecisionUsageOutputDetails] = UNSET


class Decision(WireObject, frozen=True, kw_only=True):
    """Answers in the order of the questions, and the model that gave them."""

    answers: list[DecisionAnswer]
    model: str
    usage: Maybe[DecisionUsage] = UNSET


class DecisionCompleted(Variant, frozen=True, kw_only=True, tag="decision.completed"):
    """A decision is made."""

    type: ClassVar[Literal["decision.completed"]] = "decision.completed"
    decision: Decision


class UnknownDecisionResult(UnknownVariant, frozen=True, kw_only=True):
    """An event of the Decision API that this version does not know."""


DecisionResult: TypeAlias = DecisionCompleted | UnknownDecisionResult
"""What a decision came to."""

# --- items ----------------------------------------------------------------------------------------------------------


class DecisionMessage(Variant, frozen=True, kw_only=True, tag="message"):
    """A message for decisions alone: the voice does not know it. `role` is user, developer, system or assistant.

    Its `type` may be absent on the wire.
    """

    type: ClassVar[Literal["message"]] = "message"
    type_may_be_absent: ClassVar[bool] = True
    role: str
    content: str | list[DecisionPart]
    id: Maybe[Id] = UNSET
    """Absent in a command; the server gives one."""
    phase: Maybe[str] = UNSET
    """Of an assistant's message: `commentary` or `final_answer`."""


class DecisionFunctionCall(Variant, frozen=True, kw_only=True, tag="function_call"):
    """A function was called; `arguments` is JSON text."""

    type: ClassVar[Literal["function_call"]] = "function_call"
    call_id: Id
    name: str
    arguments: str
    id: Maybe[Id] = UNSET
    namespace: Maybe[str] = UNSET
    status: Maybe[str] = UNSET


class DecisionFunctionCallOutput(Variant, frozen=True, kw_only=True, tag="function_call_output"):
    """What a function returned."""

    type: ClassVar[Literal["function_call_output"]] = "function_call_output"
    call_id: Id
    output: str | list[DecisionPart]
    id: Maybe[Id] = UNSET
    status: Maybe[str] = UNSET


class DecisionCustomToolCall(Variant, frozen=True, kw_only=True, tag="custom_tool_call"):
    """A tool was called whose input is plain text."""

    type: ClassVar[Literal["custom_tool_call"]] = "custom_tool_call"
    call_id: Id
    name: str
    input: str
    id: Maybe[Id] = UNSET
    namespace: Maybe[str] = UNSET
    status: Maybe[str] = UNSET


class DecisionCustomToolCallOutput(Variant, frozen=True, kw_only=True, tag="custom_tool_call_output"):
    """What such a tool returned."""

    type: ClassVar[Literal["custom_tool_call_output"]] = "custom_tool_call_output"
    call_id: Id
    output: str | list[DecisionPart]
    id: Maybe[Id] = UNSET
    status: Maybe[str] = UNSET


class UnknownDecisionItem(UnknownVariant, frozen=True, kw_only=True):
    """A kind of item that this version does not know."""


DecisionItem: TypeAlias = (
    DecisionMessage
    | DecisionFunctionCall
    | DecisionFunctionCallOutput
    | DecisionCustomToolCall
    | DecisionCustomToolCallOutput
    | UnknownDecisionItem
)
