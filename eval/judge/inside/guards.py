"""What a plain program calls instead of builtins that take names of attributes, and notes on which claims a test rests.

A guard acts like its builtin, or ends the run if a name is not allowed: the program is then judged apart.
"""

import builtins
import functools
import operator
import os
import re
import sys
import types

from eval.judge.inside.allowed import COMPARING, DISPATCHING, fault_in_attribute, fault_in_format

MISSING = object()
PROGRAM, TESTS = "solution.py", ("test ", "setup")  # names of files in tracebacks
SPACE = "__test__"  # the module that test and program share


class Apart(BaseException):
    """The program turned out not to be plain."""


class Guards:
    """The guards of one run, and what they note."""

    def __init__(self, program, scripts, libraries):
        self.privates, self.classes = program.privates, program.classes.keys()
        self.scripts = scripts
        self.libraries, self.pandas = libraries, libraries == "pandas"
        self.apart = ""  # why the program has to be judged apart
        self.weak = ""  # which claim of the program the test relies on

    def install(self):
        """Put the guards where the changed tree of a plain program looks them up."""
        names = ("getattr", "setattr", "delattr", "hasattr", "type", "kind", "maker", "array", "open", "vars", "dir",
                 "instance", "settable", "text", "methods", "query", "claim")  # fmt: skip
        vars(builtins).update({f"~{name}": getattr(self, name) for name in names})
        module = types.ModuleType("~guards")
        module.attrgetter, module.methodcaller = self.attrgetter, self.methodcaller
        module.wraps, module.update_wrapper = self.wraps, self.update_wrapper
        sys.modules["~guards"] = vars(builtins)["~guards"] = module

    def refuse(self, fault):
        self.apart = self.apart or fault
        raise Apart(fault)

    # -- attributes by name

    def check(self, target, name):
        """`name` as an exact string, if a plain program may look it up in `target`."""
        if isinstance(name, str):
            name = str.__str__(name)
            fault = fault_in_attribute(name, self.privates, self.libraries)
            if fault or name in ("format", "format_map") or (self.pandas and name in DISPATCHING):
                self.refuse(fault or f"the attribute {name}")
        if isinstance(target, types.ModuleType):
            self.refuse("an attribute of a module")
        return name

    def getattr(self, target, name, *default):
        return getattr(target, self.check(target, name), *default)

    def hasattr(self, target, name):
        return hasattr(target, self.check(target, name))

    def setattr(self, target, name, value):
        name = self.check(target, name)
        if isinstance(name, str) and name.startswith("__"):
            self.refuse(f"the attribute {name}")
        setattr(self.settable(target), name, value)

    def delattr(self, target, name):
        delattr(self.settable(target), self.check(target, name))

    def attrgetter(self, *names):
        for name in names:
            for part in name.split(".") if isinstance(name, str) else ():
                self.check(None, part)
        return operator.attrgetter(*names)

    def methodcaller(self, name, /, *args, **kwargs):
        return operator.methodcaller(self.check(None, name), *args, **kwargs)

    def update_wrapper(self, wrapper, wrapped, *names):
        if names:
            self.refuse("names of attributes to copy")
        return functools.update_wrapper(self.settable(wrapper), wrapped)

    def wraps(self, wrapped, *names):
        return lambda wrapper: self.update_wrapper(wrapper, wrapped, *names)

    def settable(self, target):
        """An object whose attributes a program may set: not a module, and no class that another defined."""
        if isinstance(target, type):
            names = self.classes - set().union(*(script.classes for script in self.scripts))
            if target.__module__ != SPACE or target.__name__ not in names:
                self.refuse("an attribute of a class that is not the program's")
        elif isinstance(target, types.ModuleType):
            self.refuse("an attribute of a module")
        return target

    # -- other doors

    def kind(self, value):
        """`type(value)`, for comparisons or its name."""
        if isinstance(value, type):
            self.refuse("the type of a class")
        return type(value)

    def type(self, value):
        return self.kind(self.maker(value))

    def maker(self, value):
        """An object whose class may be called: that of an array makes objects of raw memory."""
        numpy = sys.modules.get("numpy")
        if numpy and isinstance(value, (numpy.ndarray, numpy.void)):
            self.refuse("the class of an array")
        return self.instance(value)

    def array(self, value):
        numpy = sys.modules["numpy"]
        if type(value) is not numpy.ndarray:
            self.refuse("a view of something else than an array")
        return value

    def instance(self, value):
        if isinstance(value, (type, types.ModuleType)):
            self.refuse("the insides of a class")
        return value

    def vars(self, value=MISSING):
        return vars(self.instance(self.refuse("vars()") if value is MISSING else value))

    def dir(self, value=MISSING):
        return dir(self.instance(self.refuse("dir()") if value is MISSING else value))

    def open(self, file, *args, **kwargs):
        if isinstance(file, int) or len(args) > 5:
            self.refuse("a file by its number")
        if os.path.realpath(os.fsdecode(file)).startswith(("/proc", "/dev", "/sys")):
            self.refuse("a system file")
        return open(file, *args, **kwargs)

    def text(self, value):
        """An object whose `format` is looked up."""
        if isinstance(value, type) and issubclass(value, str):
            self.refuse("str.format as a function")
        if isinstance(value, str):
            fault = fault_in_format(str.__str__(value), self.privates, self.libraries)
            if fault:
                self.refuse(fault)
        return value

    def methods(self, value, inner=False):
        """An argument that may name a method for pandas to call; a copy if it is mutable."""
        if isinstance(value, str):
            return self.check(None, value)
        if type(value) is dict:
            return {key: self.methods(item, True) for key, item in value.items()}
        if type(value) in (list, set):
            return type(value)(self.methods(item, True) for item in value)
        if isinstance(value, tuple):
            for item in tuple.__iter__(value):
                self.methods(item, True)
            return value
        kind = type(value)
        module = kind.__module__.split(".")[0]
        names = module in ("numpy", "pandas") and hasattr(value, "shape") and not inner
        if module == SPACE or names or (module in ("collections", "types") and not callable(value)):
            self.refuse(f"names of methods in an object of the type {kind.__name__}")
        return value

    def query(self, value):
        """An argument of a frame's `query`: comparisons of columns, without other names, attributes or calls."""
        if not isinstance(value, (str, bool)):
            self.refuse("a query that is not a string")
        text = re.sub(r"\b(and|or|not|in)\b", " & ", value) if isinstance(value, str) else ""
        if re.search(r"@|__|\.\s*[^\W\d]|[\w\])'\"`]\s*\(", text):
            self.refuse("a query that is more than comparisons")
        return str.__str__(value) if isinstance(value, str) else value

    # -- which claims a test rests on

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

    @functools.cached_property
    def named(self):
        """Names that the test looks up or binds and that are written like names of classes: with a capital."""
        names = set().union(*(script.looked_up | script.bound for script in self.scripts))
        return {name for name in names if name[:1].isupper()}

    def note(self, what):
        self.weak = self.weak or f"the only truth came from {what}, which the program defines"

    def is_named(self, kind):
        return any(base.__name__ in self.named for base in type.__dict__["__mro__"].__get__(kind))

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
        """The method `name` of `target`, where a test checks only the truth of its result."""
        function = method = getattr(target, name)
        kind = target if isinstance(target, type) else type(target)
        if isinstance(target, types.ModuleType) or (kind.__module__ == SPACE and self.is_named(kind)):
            return method
        while isinstance(function, (types.MethodType, functools.partial)):
            function = function.__func__ if isinstance(function, types.MethodType) else function.func
        code = getattr(function, "__code__", None)
        by_program = SPACE in (kind.__module__, type(function).__module__) or (code and code.co_filename == PROGRAM)
        if by_program or kind is types.SimpleNamespace:
            self.note(f"{kind.__name__}.{name}")
        return method
