"""What a plain program calls instead of builtins that take names of attributes, and where only some objects will do.

A guard acts like its builtin, or ends the run if a name is not allowed: the program is then judged apart.
"""

import builtins
import collections
import functools
import operator
import os
import re
import sys
import types
from abc import ABCMeta

from eval.judge.inside.allowed import (
    DENIED_KEYWORDS,
    DISPATCHING,
    MODULES,
    fault_in_attribute,
    fault_in_format,
    is_special,
    needs_owner,
    words,
)  # fmt: skip
from eval.judge.inside.attributes import Holder, Kept, hide_special_names
from eval.judge.inside.claims import PROGRAM, SPACE, TESTS, Claims, defining_class, mro_of

MISSING = object()
CACHED = type(functools.cache(len))
# Bases of a class of the program with no private attributes that lead inwards.
BASES = words(f"{SPACE} builtins abc collections collections.abc enum typing numbers")
# Whose classes may be called by `type(x)(...)`, and whose objects have attributes that are meant to be set.
MAKING = {module.split(".")[0] for module in MODULES} - {"typing", "types", "io"} | {SPACE, "builtins"}
SETTABLE = words("pandas bs4 xml")
FORMATTING = words("pandas struct")  # their `format` is no method of a text
OPENING = words("mode buffering encoding errors newline")


class Apart(BaseException):
    """The program turned out not to be plain."""


def is_of_text(function):
    """Whether the program or its test defines a function."""
    return function.__code__.co_filename.startswith((PROGRAM, *TESTS))


class Guards(Claims):
    """The guards of one run, and what they note."""

    def __init__(self, program, scripts, libraries):
        super().__init__(scripts)
        self.privates, self.classes = program.privates, program.classes.keys()
        self.libraries, self.pandas = libraries, libraries == "pandas"
        self.apart = ""  # why the program has to be judged apart
        self.owned = set()  # the program's classes whose objects have only private names of the program's

    def install(self):
        """Put the guards where the changed tree of a plain program looks them up."""
        names = ("getattr", "setattr", "delattr", "hasattr", "type", "kind", "maker", "array", "open", "vars", "dir",
                 "instance", "attributes", "keywords", "text", "methods", "query", "claim", "unanswered")  # fmt: skip
        vars(builtins).update({f"~{name}": getattr(self, name) for name in names})
        owned, check_owner, check_settable = self.owned, self.own, self.settable  # most of them end in the first test
        vars(builtins)["~own"] = lambda target: target if type(target) in owned else check_owner(target)
        vars(builtins)["~settable"] = lambda target, name: (
            target if type(target) in owned else check_settable(target, name)
        )
        Kept._refuse_run = self.refuse
        hide_special_names()
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
        if isinstance(name, str) and needs_owner(name, self.libraries):
            self.own(target)
        return name

    def own(self, target):
        """An object that may be asked for any attribute that the program binds."""
        kind = type(target)
        if kind is super:
            kind = super.__self_class__.__get__(target)
        elif isinstance(target, type):
            kind = target if type(target) in (type, ABCMeta) else type
        is_function = kind is CACHED or (kind is types.FunctionType and is_of_text(target))
        if not is_function and not self.is_owned(kind):
            self.refuse(f"a private attribute of an object of the type {kind.__name__}")
        return target

    def is_owned(self, kind):
        """Whether a class is the program's or the test's, and all that its objects have is theirs; noted in `owned`."""
        if kind.__module__ == SPACE and all(base.__module__ in BASES for base in mro_of(kind)):
            self.owned.add(kind)
        return kind in self.owned

    def getattr(self, target, name, *default):
        return getattr(target, self.check(target, name), *default)

    def hasattr(self, target, name):
        return hasattr(target, self.check(target, name))

    def setattr(self, target, name, value):
        name = self.check(target, name)
        setattr(self.settable(target, name), name, value)

    def delattr(self, target, name):
        name = self.check(target, name)
        delattr(self.settable(target, name), name)

    def attrgetter(self, *names):
        names = [str.__str__(name) if isinstance(name, str) else name for name in names]
        for name in names:
            for part in name.split(".") if isinstance(name, str) else ():
                self.check(None, part)
        return operator.attrgetter(*names)

    def methodcaller(self, name, /, *args, **kwargs):
        return operator.methodcaller(self.check(None, name), *args, **kwargs)

    def update_wrapper(self, wrapper, wrapped, *names):
        if names:
            self.refuse("names of attributes to copy")
        copied = () if isinstance(wrapped, type) else getattr(wrapped, "__dict__", ())
        if isinstance(wrapper, type) or isinstance(wrapped, type) or any(map(is_special, {*copied} - {"__wrapped__"})):
            self.refuse("attributes copied from or to a class")
        return functools.update_wrapper(self.settable(wrapper, ""), wrapped)

    def wraps(self, wrapped, *names):
        return lambda wrapper: self.update_wrapper(wrapper, wrapped, *names)

    def settable(self, target, name):
        """An object of which a program may set this attribute: not a module, and no class that another defined."""
        kind = type(target)
        self.is_owned(kind)  # next time it is known
        if isinstance(name, str) and is_special(name):
            self.refuse(f"the attribute {name}")
        if isinstance(name, str) and needs_owner(name, self.libraries):
            self.own(target)
        if isinstance(target, type):
            names = self.classes - set().union(*(script.classes for script in self.scripts))
            if target.__module__ != SPACE or target.__name__ not in names:
                self.refuse("an attribute of a class that is not the program's")
        elif kind is types.FunctionType:
            if not is_of_text(target):
                self.refuse("an attribute of a function that is not the program's")
        elif kind.__module__ != SPACE and kind is not CACHED:
            numpy = sys.modules.get("numpy")
            arrays = (numpy.ndarray,) if numpy else ()
            if not (kind.__module__.split(".")[0] in SETTABLE or isinstance(target, (BaseException, *arrays))):
                self.refuse(f"an attribute of an object of the type {kind.__name__}")
            definer = defining_class(kind, name)
            if definer and not hasattr(type(vars(definer)[name]), "__set__"):
                self.refuse(f"the method {name} of an object of the type {kind.__name__}")
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
        numpy, kind = sys.modules.get("numpy"), type(value)
        if numpy and isinstance(value, (numpy.ndarray, numpy.void)):
            self.refuse("the class of an array")
        if kind.__module__.split(".")[0] not in MAKING:
            self.refuse(f"the class {kind.__name__}")
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

    def attributes(self, value):
        """An object whose `kept` is a copy of the attributes of `value`: what a program sets goes through guards."""
        kept = self.instance(value).__dict__
        return Holder(kept if type(kept) is dict else self.refuse("the attributes of no object"))

    def vars(self, value=MISSING):
        return self.attributes(self.refuse("vars()") if value is MISSING else value).kept

    def keywords(self, mapping):
        """Arguments behind two stars, by exact strings."""
        arguments = {str.__str__(name): value for name, value in dict(**mapping).items()}
        for name in arguments:
            if name in DENIED_KEYWORDS or is_special(name):
                self.refuse(f"the argument {name}")
        return arguments

    def unanswered(self, method, target, name):
        """Called at the start of `__getattr__`: what Python or a library looks up by itself is not there."""
        if is_special(name):
            raise AttributeError(name)

    def dir(self, value=MISSING):
        return dir(self.instance(self.refuse("dir()") if value is MISSING else value))

    def open(self, file, *args, **kwargs):
        if isinstance(file, int) or len(args) > 5 or kwargs.keys() - OPENING:
            self.refuse("a file by its number")
        file = str.__str__(os.fsdecode(file))  # the same whenever it is asked
        if os.path.realpath(os.fsdecode(file)).startswith(("/proc", "/dev", "/sys")):
            self.refuse("a system file")
        return open(file, *args, **kwargs)

    def text(self, value):
        """An object whose `format` is looked up."""
        kind = value if isinstance(value, type) else type(value)
        if isinstance(value, str):
            fault = fault_in_format(str.__str__(value), self.libraries)
        else:
            is_text = issubclass(kind, (str, collections.UserString))
            fault = is_text or kind.__module__.split(".")[0] not in (SPACE, *FORMATTING)
            fault = fault and f"the format of an object of the type {kind.__name__}"
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
        kind = type(value)
        if isinstance(value, tuple):
            kind = kind if hasattr(kind, "_fields") else tuple
            return tuple.__new__(kind, [self.methods(item, True) for item in tuple.__iter__(value)])
        module = kind.__module__.split(".")[0]
        is_array = module in ("numpy", "pandas") and hasattr(value, "shape")
        if is_array:
            names = not inner or getattr(getattr(value, "dtype", None), "kind", "O") in "OSTU"
        else:
            names = hasattr(kind, "__iter__") and not isinstance(value, type)
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
