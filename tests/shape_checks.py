"""Shape checks where there are shapes: jaxtyping's wrapper costs a call tens of microseconds.

The import hook of `--jaxtyping-packages` wraps every function of hybrid_kd in `jaxtyping.jaxtyped`, which
compares the axes of a call's arrays, and checks the other types with beartype. A function without array
annotations needs only beartype, which costs a microsecond. Readers call such functions for
every token of a file.
"""

import inspect
from collections.abc import Callable
from typing import Any

import jaxtyping

TypeChecker = Callable[[Any], Any]
_jaxtyped = jaxtyping.jaxtyped


def has_shapes(function: Callable[..., object]) -> bool:
    """Whether an annotation names an array's axes; one that is a string may."""
    annotations = function.__annotations__.values()
    return any(isinstance(annotation, str) or "jaxtyping" in str(annotation) for annotation in annotations)


def _checked(*, typechecker: TypeChecker) -> TypeChecker:
    """Stands for ``jaxtyped`` in the modules that the hook imports."""

    def decorate(decorated: Any) -> Any:
        if inspect.isfunction(decorated) and not has_shapes(decorated):
            return typechecker(decorated)
        return _jaxtyped(decorated, typechecker=typechecker)

    return decorate


def check_shapes_where_there_are_some() -> None:
    """Replace the wrapper of functions that are imported from now on."""
    jaxtyping.jaxtyped = _checked  # type: ignore[assignment]
