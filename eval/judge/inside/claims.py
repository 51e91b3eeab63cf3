"""Which claims of a program a test rests on: notes that make a verdict WEAK."""

import functools
import sys
import types

from eval.judge.inside.allowed import COMPARING

PROGRAM, TESTS = "solution.py", ("test ", "setup")  # names of files in tracebacks
SPACE = "__test__"  # the module that test and program share
mro_of = type.__dict__["__mro__"].__get__


def defining_class(kind, name):
    """The first class of a class and its bases that defines an attribute, or None."""
    return next((base for base in mro_of(kind) if name in vars(base)), None)


class Claims:
    """What the scripts of one test take from objects of the program."""

    def __init__(self, scripts=()):
        self.scripts = scripts
        self.weak = ""  # which claim of the program the test relies on

    def note(self, what):
        self.weak = self.weak or f"the only truth came from {what}, which the program defines"

    @functools.cached_property
    def named(self):
        """Names that are written like names of classes, with a capital, and that the test looks up or gives a class."""
        looked_up, bound, classes = (
            set().union(*(getattr(script, names) for script in self.scripts))
            for names in ("looked_up", "bound", "classes")
        )
        return [name for name in classes | looked_up - bound if name[:1].isupper()]

    def is_named(self, kind):
        """Whether the test names a class or one of its bases: its name stands for that very class."""
        space = vars(sys.modules[SPACE])
        return any(space.get(name) is base for base in mro_of(kind) for name in self.named)

    def asked_by_test(self, depth):
        """Whether the nearest frame of program or test, `depth` frames up or further, is one of the test."""
        frame = sys._getframe(depth + 1)
        while frame:
            name = frame.f_code.co_filename
            if name == PROGRAM:
                return False
            if name.startswith(TESTS):
                return True
            frame = frame.f_back
        return True  # a comparison by the judge

    def claim(self, method, target, other=None):
        """Called at the start of a special method of a class of the program."""
        kind = type(target)
        if method == "__exit__":  # it may swallow a failed assertion
            if isinstance(other, type) and issubclass(other, AssertionError):
                self.note(f"{kind.__name__}.{method}")
        elif not self.weak and self.asked_by_test(2):
            alike = method not in COMPARING or other is None or type(other).__module__ == SPACE
            if not (alike and self.is_named(kind)):
                self.note(f"{kind.__name__}.{method}")

    def bare(self, value):
        """A value of which a test checks only the truth."""
        kind = type(value)
        if kind.__module__ == SPACE and not self.is_named(kind):
            self.note(f"an object of the type {kind.__name__}")
        return value

    def bare_method(self, target, name):
        """The method `name` of `target`, where a test checks only the truth of its result.

        It is believed if a class defines it that is not the program's, or that the test names.
        """
        method = getattr(target, name)
        kind = target if isinstance(target, type) else type(target)
        if isinstance(target, types.ModuleType) or (kind.__module__ == SPACE and self.is_named(kind)):
            return method
        definer = defining_class(kind, name)
        set_in_object = kind is not target and name in getattr(target, "__dict__", ())
        if definer is None or definer.__module__ == SPACE or set_in_object:
            self.note(f"{kind.__name__}.{name}")
        return method
