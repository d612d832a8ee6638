"""A graph, opened by ONNX Runtime on the calling thread alone: it starts no thread, and spins on none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from livewave import EngineUnavailable, ModelFileError

CPU = "CPUExecutionProvider"


def open_session(make_graph: Callable[[], bytes], name: str, user: str, providers: Sequence[str] = (CPU,),
                 otherwise: str = "") -> Any:
    """onnxruntime.InferenceSession of checked ONNX bytes.

    make_graph  gives the bytes; where it cannot, they are refused too
    name        of the model, and
    user        who runs it ("the onnx engine"), for messages
    otherwise   what to do instead of installing ONNX Runtime

    Raises EngineUnavailable without ONNX Runtime or a provider; ModelFileError for a graph that is refused.
    """
    runtime = load_runtime(user, otherwise)
    missing = sorted(set(providers) - set(runtime.get_available_providers()))
    if missing or not providers:
        raise EngineUnavailable(f"ONNX Runtime has no {', '.join(missing) or 'provider to use'} here; "
                                f"it has {', '.join(runtime.get_available_providers())}")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised; nothing is printed
    for pool in ("intra_op", "inter_op"):
        options.add_session_config_entry(f"session.{pool}.allow_spinning", "0")
    try:
        session = runtime.InferenceSession(make_graph(), options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's errors have no common base
        raise ModelFileError(f"model {name!r}: {user} refuses its graph ({first_line(error)})") from None
    if session.get_providers()[0] != providers[0]:  # a provider that does not load is dropped without a word
        raise EngineUnavailable(f"ONNX Runtime's {providers[0]} does not load here; see its list of requirements, "
                                f"or use {CPU}")
    return session


def load_runtime(user: str, otherwise: str = "") -> Any:
    """The package onnxruntime. Raises EngineUnavailable, naming the remedy, where it is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineUnavailable(f"{user} needs the package onnxruntime ({error}); "
                                f"install it with `pip install onnxruntime`{otherwise}") from None
    return onnxruntime


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
