"""What holds the attributes of objects: none of them may answer a name that Python or a library looks up by itself."""

import copy
import sys

from eval.judge.inside.allowed import is_special

# Classes of libraries that answer any name by their items: numpy would read the memory that an item
# `__array_interface__` names, and `copy` call what `__reduce_ex__` is.
ANSWERING = {
    "pandas.core.generic": ["NDFrame"],
    "scipy._lib._util": ["_RichResult"],
    "scipy.optimize._optimize": ["OptimizeResult"],
    "sklearn.utils._bunch": ["Bunch"],
    "sklearn.utils": ["Bunch"],
}


def hide_special_names():
    """Let the classes in ANSWERING that are loaded answer no special name by an item."""
    for module, names in ANSWERING.items():
        for name in names:
            kind = getattr(sys.modules.get(module), name, None)
            answer = kind and vars(kind).get("__getattr__")
            if getattr(answer, "__module__", __name__) != __name__:
                kind.__getattr__ = _hiding(answer)


def _hiding(answer):
    def answer_ordinary(target, name):
        if is_special(name):
            raise AttributeError(name)
        return answer(target, name)

    return answer_ordinary


class Kept(dict):
    """A copy of an object's attributes that refuses to be changed; methods of `dict` change no more than the copy."""

    __slots__ = ()

    def __copy__(self):
        return dict(self)

    def __deepcopy__(self, memo):
        return copy.deepcopy(dict(self), memo)

    def _refuse(self, *args, **kwargs):
        self._refuse_run("a change of an object's attributes by vars()")

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse


class Holder:
    """An object with the attribute `kept`: a copy of the attributes of another, without special names."""

    __slots__ = ("kept",)

    def __init__(self, attributes):
        self.kept = Kept({name: value for name, value in attributes.items() if not is_special(name)})
