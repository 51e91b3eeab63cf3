"""The private channel between the candidate's cell and the test's cell: plain values and handles, never code.

A frame is four bytes of length (big endian, at most 64 MiB) and one ASCII JSON text. Strings, floats, booleans, None,
small integers and lists stand for themselves; everything else is an object with one key, the tag, whose value are the
parts it is built from. Only exact built-in types, numpy and pandas values cross as values. A value of a subclass
crosses as a snapshot of its built-in part together with a handle; any other object stays where it was made and crosses
as a handle, a number to which calls and attribute look-ups are sent back. Nothing is ever unpickled or evaluated, so
the worst that a hostile peer can do is to send a wrong value, a malformed frame, or nothing.

`Peer(trusted=True)` is the test's end. It never runs an operator on candidate objects by itself: it asks for them, and
records in `weak` that the truth of something came from a candidate's object alone. It lets the other end call the
functions it was given, and use the objects of classes that the test defined, without access to underscore names, frames
or code objects, for whoever can walk to the test's globals can forge its verdict.
"""

import builtins
import collections
import contextlib
import copy
import functools
import importlib
import json
import operator
import re
import sys
import types

FRAME_BYTES = 64 << 20
DEPTH = 1000  # nesting of containers; deeper results are refused rather than risking the C stack
# The C encoder itself: `JSONEncoder.encode` would build it anew for every message.
_encoder = json.encoder.c_make_encoder(
    None, None, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
)


class Closed(Exception):
    """The other end is gone."""


class Malformed(Exception):
    """The other end sent what is no frame, or a value this protocol does not know."""


class Channel:
    """Frames over a stream socket; one system call brings a small frame."""

    def __init__(self, sock, hook=None):
        self.sock, self.rest = sock, b""
        self._scan = json.JSONDecoder(object_hook=hook).raw_decode

    def send(self, message):
        """Send one JSON-able message; Malformed where it is over the limit, Closed where nobody listens."""
        data = "".join(_encoder(message, 0)).encode("ascii")
        if len(data) > FRAME_BYTES:
            raise Malformed(f"a message of {len(data)} bytes")
        try:
            self.sock.sendall(len(data).to_bytes(4, "big") + data)
        except OSError as error:
            raise Closed(str(error)) from None

    def receive(self, limit=FRAME_BYTES):
        """The next message, decoded; Closed at the end of the stream, Malformed where the bytes are no message."""
        data = bytearray(self.rest)
        while len(data) < 4:
            data += self._more()
        size = int.from_bytes(data[:4], "big")
        if size > limit:
            raise Malformed(f"a frame of {size} bytes")
        while len(data) < size + 4:
            data += self._more()
        self.rest = data[size + 4 :]
        try:
            message, end = self._scan(data[4 : size + 4].decode("ascii"))
        except (MemoryError, Malformed):
            raise
        except Exception as error:
            raise Malformed(f"no value ({type(error).__name__})") from None
        if end != size or not isinstance(message, list) or len(message) < 2:
            raise Malformed("a message of no known kind")
        return message

    def _more(self):
        try:
            part = self.sock.recv(1 << 16)
        except OSError as error:
            raise Closed(str(error)) from None
        if not part:
            raise Closed("end of stream")
        return part


# ---------------------------------------------------------------------------------------------------------------------
# Values of the other end

_PLAIN = """add sub mul truediv floordiv mod pow matmul lshift rshift and or xor neg pos abs invert lt le gt ge getitem
contains iadd isub imul"""
# What these return was fixed by Python itself or is data; all others may have looked at what the test expects.
DATA = {
    "__len__": len, "__iter__": iter, "__str__": str, "__repr__": repr, "__format__": format, "__int__": int,
    "__float__": float, "__complex__": complex, "__index__": operator.index, "__reversed__": reversed, "__dir__": dir,
    "__setitem__": operator.setitem, "__delitem__": operator.delitem, "__copy__": copy.copy,
    "__deepcopy__": lambda x, memo=None: copy.deepcopy(x), "__instancecheck__": lambda cls, x: isinstance(x, cls),
    "__subclasscheck__": lambda cls, x: issubclass(x, cls),
    "__enter__": lambda x: type(x).__enter__(x), "__exit__": lambda x, *error: type(x).__exit__(x, *error),
}  # fmt: skip
OPERATORS = {f"__{name}__": getattr(operator, f"__{name}__") for name in _PLAIN.split()}
OPERATORS |= {
    f"__r{name}__": (lambda forward: lambda a, b: forward(b, a))(OPERATORS[f"__{name}__"])
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
}
OPERATORS |= {**DATA, "__eq__": operator.eq, "__bool__": bool, "__round__": round, "__divmod__": divmod}
CLAIMS = {"__bool__", "__contains__", "__eq__"}  # Python makes a bare truth value of these at once


class Handle:
    """An object of the other end. Equal to nothing but another handle for which the other end says so (weakly).

    `true`: by its type, like a `re.Match`, whoever asks; `named`: found by its name in the candidate's module.
    """

    def __init__(self, peer, number, true=False, named=False):
        self.__dict__.update(_peer=peer, _number=number, _true=true, _named=named, _buffer=None)

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__") and name not in ("__name__", "__doc__", "__dict__"):
            raise AttributeError(name)
        return self._peer.tainted(self._peer.request("attr", self, name))

    def __setattr__(self, name, value):
        self._peer.request("setattr", self, name, value)

    def __hash__(self):
        return self._number

    def __ne__(self, other):
        same = self == other
        self._peer.weak = True  # "differs" is all that an object of the candidate's own has to be
        return not same

    def __next__(self):
        # Items come in growing batches, so that a long generator does not cost a message an item.
        items, size, end = self._buffer or ([], 0, None)
        if not items and end is None:
            size = min(2 * size, 256) or 1
            items, end = self._peer.request("next", self, size)
            items.reverse()
        self.__dict__["_buffer"] = (items, size, end)
        if items:
            return items.pop()
        raise end if isinstance(end, BaseException) else StopIteration


def _forward(name):
    def method(self, *args):
        peer = self._peer
        if name == "__eq__" and not (isinstance(args[0], Handle) and args[0]._peer is peer):
            return False
        if name == "__bool__" and self._true:
            return True
        if name in CLAIMS or (args and name not in DATA):
            peer.weak = True
        result = peer.request("op", name, self, *args)
        return result if name in DATA or name in CLAIMS else peer.tainted(result)

    return method


for _name in OPERATORS:
    setattr(Handle, _name, _forward(_name))


class CallableHandle(Handle):
    """A function, method or class of the other end."""

    def __call__(self, *args, **kwargs):
        result = self._peer.call(self, args, kwargs)
        return result if self._named else self._peer.tainted(result)


def _of_handle(self, name):
    """What a value or an exception of a candidate's class does not have here is asked for by its handle."""
    handle = self.__dict__.get("_handle")
    if handle is None or name.startswith("__"):
        raise AttributeError(name)
    return getattr(handle, name)


def _weak(base):
    """A subclass of `base` that notes when its truth is asked for."""

    def truth(self):
        self._peer.weak = True
        return base.__bool__(self) if hasattr(base, "__bool__") else base.__len__(self) > 0

    return type(f"Weak{base.__name__.title()}", (base,), {"__bool__": truth, "_peer": None})


class WeakBool(_weak(int)):
    """What a method of a candidate's object claims."""

    def __repr__(self):
        return repr(int(self) == 1)

    __str__ = __repr__

    def __format__(self, spec):
        return format(int(self) == 1, spec)


BASES = (int, float, complex, str, bytes, tuple, list, dict, set, frozenset, bytearray, collections.deque)
# Subclasses for values of a candidate's subclasses: they behave as the base.
SNAPSHOTS = {
    base.__name__: type(f"Remote{base.__name__.title()}", (base,), {"__getattr__": _of_handle, "_remote": True})
    for base in BASES
}
WEAK = {base: _weak(base) for base in BASES} | {bool: WeakBool}
WEAK_BASE = {weak: base for base, weak in WEAK.items()}
MUTABLE = {list, dict, set, bytearray, collections.deque, collections.Counter, collections.OrderedDict,
           collections.defaultdict}  # fmt: skip
CALLED = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type)  # whoever has them may call them
# Types that a candidate may return by name.
TYPES = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in (
    *(value for value in vars(builtins).values() if isinstance(value, type)), type(None), types.FunctionType,
    types.GeneratorType, collections.deque, collections.Counter, collections.OrderedDict, collections.defaultdict,
)}  # fmt: skip


class Peer(Channel):
    """One end of the channel: `request` asks the other end; while it waits it answers what the other end asks."""

    def __init__(self, sock, trusted=False):
        super().__init__(sock, self.decode)
        self.trusted = trusted
        self.lookup = None  # the candidate's end: what to do for other requests than those of this file
        self.phase = ""  # the candidate's end: what it is doing, for the wording of failures
        self.weak, self.broken = False, None
        self.own = {}  # number -> object of this end
        self.numbers = {}  # id(object) -> number
        self.exceptions = {}  # number of a class of the other end -> its mirror here

    # -- messages: ["?", operation, operands], ["=", value], ["!", error]

    def request(self, operation, *operands):
        """Ask for one operation and return its value; an exception of the other end is raised here as its mirror."""
        try:
            self.send(["?", operation, [self.encode(value) for value in operands]])
            while True:
                kind, *rest = self.receive()
                if kind != "?":
                    break
                self.answer(*rest)
        except (Closed, Malformed) as fault:
            self.broken = fault  # known also to a caller behind an `except Exception`
            raise
        if kind == "=":
            return rest[0]
        raise self._mirror(rest[0])

    def call(self, target, args, kwargs):
        """Call an object of the other end; what it did to lists, dicts, sets and arrays given to it is done here."""
        everything = [*args, *kwargs.values()]
        result, changed, returned = self.request("call", target, list(args), kwargs)
        for position, value in changed:
            _write_back(everything[position], value)
        return result if returned is None else everything[returned]

    def serve(self):
        """Answer until the other end closes."""
        while True:
            kind, *rest = self.receive()
            if kind == "?":
                self.answer(*rest)
            else:
                self.lookup(kind, *rest)  # a word that needs no answer

    def answer(self, operation=None, operands=()):
        """Do what the other end asks, and send the value or the exception."""
        try:
            self.send(["=", self.perform(operation, operands)])
        except Closed:
            raise
        except BaseException as error:  # Malformed among them: a value over the limit
            self.send(["!", self.describe(error)])

    def perform(self, operation, operands):
        """The encoded result of one operation."""
        if operation == "call":
            return self._called(*operands)
        if operation == "op":
            name, target, *args = operands
            self._allow(target, name)
            return self.encode(OPERATORS[name](target, *args))
        if operation == "attr":
            self._allow(*operands)
            return self.encode(getattr(*operands))
        if operation == "next":
            return self._batch(*operands)
        if self.trusted:
            raise Malformed(f"the operation {operation!r}")
        if operation == "setattr":
            return self.encode(setattr(*operands))
        return self.lookup(operation, *operands)

    def _called(self, function, args, kwargs):
        if not isinstance(function, CALLED):
            self._allow(function, "call")
        everything = [*args, *kwargs.values()]
        mutable = [(n, value, self.encode(value)) for n, value in enumerate(everything)
                   if type(value) in MUTABLE or type(value).__name__ == "ndarray"]  # fmt: skip
        result = function(*args, **kwargs)
        returned = next((n for n, value, _ in mutable if value is result), None)
        changed = [[n, after] for n, value, before in mutable if (after := self.encode(value)) != before]
        return [self.encode(result) if returned is None else None, changed, returned]

    def _batch(self, iterator, size):
        items, end = [], None
        try:
            while len(items) < size:
                items.append(self.encode(next(iterator)))
        except StopIteration:
            end = True
        except Exception as error:
            end = {"error": self.describe(error)}
        return [items, end]

    def _allow(self, target, name):
        """On the trusted end: only objects of classes made by the test, and iterators, may be looked into."""
        if not self.trusted:
            return
        kind = target if isinstance(target, type) else type(target)
        if isinstance(target, types.ModuleType) or kind.__module__ != "__test__":
            if not (name in ("__iter__", "__len__") and hasattr(target, name)):
                raise AttributeError(f"{name!r} of an object of the test")
        elif name.startswith("_") and name not in OPERATORS:
            raise AttributeError(f"{name!r} of an object of the test")

    def tainted(self, value):
        """`value` in a form that notes when its truth alone is asked for."""
        if isinstance(value, Handle) and value._true:
            return type(value)(self, value._number)
        if type(value) in WEAK:
            value = WEAK[type(value)](value)
            value._peer = self
        return value

    # -- exceptions

    def describe(self, error):
        """What the other end may know of an exception: classes, plain arguments, a handle where it has more to say,
        and the phase. Runs no code of its class.
        """
        args = []
        for value in BaseException.__getattribute__(error, "args")[:8]:
            try:
                args.append(self.encode(value[:65536] if type(value) is str else value))
            except Exception:
                args.append("?")
        own_text = type(error).__str__ not in (BaseException.__str__, KeyError.__str__, OSError.__str__)
        more = own_text or BaseException.__getattribute__(error, "__dict__")
        return [self._classes(type(error)), args, self.number(error) if more else None, self.phase]

    def _classes(self, kind):
        return [[str(k.__module__), k.__qualname__, self.number(k)] for k in type.mro(kind)[:50]]

    def _mirror(self, info):
        """The mirror of an exception of the other end, marked with `_candidate`."""
        try:
            classes, args, number, phase = info
            kind = self.exception_class(classes)
            error = kind.__new__(kind, *args)
            with contextlib.suppress(Exception):  # the initialiser may want more than what was kept as arguments
                error.__init__(*args)
            error._candidate, error._phase = True, str(phase)
            if number is not None:
                error._handle = Handle(self, int(number))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            raise Malformed("an exception") from None
        return error

    def exception_class(self, classes):
        """The class of this end for a list of [module, name, number], most special first."""
        module, name, number = classes[0]
        known = TYPES.get(f"{module}.{name}") or _loaded(module, name)
        if isinstance(known, type) and issubclass(known, BaseException):
            return known
        if number not in self.exceptions:
            base = self.exception_class(classes[1:]) if len(classes) > 1 else Exception
            self.exceptions[number] = type(str(name), (base,), {"__module__": "candidate", "_handle": None,
                                           "__getattr__": _of_handle, "__str__": _text_of_handle})  # fmt: skip
        return self.exceptions[number]

    # -- values

    def number(self, value):
        """The number under which the other end knows `value`; it is kept alive from now on."""
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.own) + 1
            self.own[number] = value
        return number

    def decode(self, tagged):
        """The value of a tagged object, the parts of which are decoded already."""
        ((tag, parts),) = tagged.items()
        if tag in DECODERS:
            return DECODERS[tag](parts)
        return LATE[tag][1](_late(tag), parts) if tag in LATE else OF_PEER[tag](self, parts)

    def encode(self, value, depth=0):
        """The JSON form of a value; ValueError where it is nested deeper than `DEPTH` (or in itself)."""
        kind = type(value)
        if kind is str or kind is bool or kind is float or value is None:
            return value
        if kind is int:
            return value if -(1 << 62) < value < (1 << 62) else {"int": hex(value)}
        if depth > DEPTH:
            raise ValueError(f"the value is nested deeper than {DEPTH} levels")
        if kind is list:
            return [self.encode(item, depth + 1) for item in value]
        parts = PARTS.get(kind)
        if parts:
            return {kind.__name__: self.encode(parts(value), depth + 1)}
        if kind in WEAK_BASE:
            return self.encode(WEAK_BASE[kind](value), depth)
        if isinstance(value, Handle):
            return {"yours": value._number} if value._peer is self else {"handle": [self.number(value), True, False]}
        if str(kind.__module__).split(".")[0] in ("numpy", "pandas"):
            tag, data = _library_parts(value, kind)
            if tag:
                return {tag: self.encode(data, depth + 1)}
        if getattr(kind, "_remote", None) is True and "_handle" in getattr(value, "__dict__", ()):
            return {"yours": value._handle._number}
        name = f"{kind.__module__}.{kind.__name__}"
        if name in LATE and _late(name) is kind:
            return {name: self.encode(LATE[name][0](value), depth + 1)}
        for base in BASES:
            if isinstance(value, base):
                return {"like": [base.__name__, self.encode(_exact(base, value), depth + 1), self.number(value)]}
        return self._by_name(value) or {"handle": [self.number(value), callable(value), kind is re.Match]}

    def _by_name(self, value):
        """Classes and functions that the other end has too; None for any other object."""
        if isinstance(value, type):
            name = f"{value.__module__}.{value.__qualname__}"
            shared = self.trusted or name in LATE
            if TYPES.get(name) is value or (shared and _loaded(value.__module__, value.__qualname__) is value):
                return {"type": name}
            if issubclass(value, BaseException):
                return {"raises": self._classes(value)}
        elif self.trusted and callable(value):
            module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
            if module != "__test__" and _loaded(module, name) is value:
                return {"type": f"{module}.{name}"}
        elif self.trusted and isinstance(value, types.ModuleType):
            raise ValueError("a module of the test does not leave it")
        return None


def _exact(base, value):
    """The built-in part of a value of a subclass, by the methods of the built-in type."""
    if base in (int, float, complex):
        return base.__pos__(value)
    if base is str:
        return str.__str__(value)
    return base(dict.items(value) if base is dict else base.__iter__(value))


def _loaded(module, name):
    """The object that a module already imported here knows under a dotted name, else None."""
    found = sys.modules.get(module) if isinstance(module, str) else None
    for part in name.split(".") if found is not None and isinstance(name, str) else ():
        found = vars(found).get(part) if isinstance(found, (types.ModuleType, type)) else None
    return found


def _text_of_handle(self):
    handle = self.__dict__.get("_handle")
    return str(handle) if handle is not None else Exception.__str__(self)


def _write_back(old, new):
    """Make `old` equal to `new` in place where it is mutable, keeping the identity of lists and dicts inside it."""
    if isinstance(old, list) and isinstance(new, list):
        old[:] = [*map(_kept, old, new), *new[len(old) :]]
    elif isinstance(old, dict) and isinstance(new, dict):
        merged = {key: _kept(old[key], after) if key in old else after for key, after in new.items()}
        old.clear()
        old.update(merged)
    elif isinstance(old, (set, collections.deque, bytearray)):
        old.clear()
        (old.update if isinstance(old, set) else old.extend)(new)
    elif type(old).__name__ == "ndarray" and getattr(new, "shape", None) == old.shape and new.dtype == old.dtype:
        old[...] = new


def _kept(before, after):
    if type(before) is not type(after) or not isinstance(before, (list, dict)):
        return after
    _write_back(before, after)
    return before


# ---------------------------------------------------------------------------------------------------------------------
# The codec: by type the parts of a value, and what is made of such parts; the tag is the type's name


def _items(value):
    return [list(pair) for pair in value.items()]


def _fields(kind, *names):
    return operator.attrgetter(*names), lambda parts: kind(*parts)


CODEC = {
    tuple: (list, tuple), set: (list, set), frozenset: (list, frozenset), dict: (_items, dict),
    collections.OrderedDict: (_items, collections.OrderedDict),
    collections.Counter: (_items, lambda p: collections.Counter(dict(p))),
    collections.defaultdict: (lambda v: [v.default_factory, dict(v)], lambda p: collections.defaultdict(*p)),
    collections.deque: (lambda v: [list(v), v.maxlen], lambda p: collections.deque(*p)),
    type({}.keys()): (list, lambda p: dict.fromkeys(p).keys()), type({}.items()): (list, lambda p: dict(p).items()),
    type({}.values()): (list, lambda p: dict(enumerate(p)).values()),
    bytes: (bytes.hex, bytes.fromhex), bytearray: (bytearray.hex, bytearray.fromhex),
    type(...): (lambda v: 0, lambda p: ...), type(NotImplemented): (lambda v: 0, lambda p: NotImplemented),
    complex: _fields(complex, "real", "imag"), range: _fields(range, "start", "stop", "step"),
    slice: _fields(slice, "start", "stop", "step"),
}  # fmt: skip
PARTS = {kind: parts for kind, (parts, _) in CODEC.items()}
DECODERS = {kind.__name__: build for kind, (_, build) in CODEC.items()} | {"int": lambda p: int(p, 16)}
# By full name, the same for classes of modules that few programs import. The builder is given the class as well.
LATE = {
    "decimal.Decimal": (str, lambda kind, p: kind(p)),
    "fractions.Fraction": (operator.attrgetter("numerator", "denominator"), lambda kind, p: kind(*p)),
    "datetime.timedelta": (operator.attrgetter("days", "seconds", "microseconds"), lambda kind, p: kind(*p)),
}
LATE |= {
    f"datetime.{name}": (operator.methodcaller("isoformat"), lambda kind, p: kind.fromisoformat(p))
    for name in ("date", "time", "datetime")
}


def _late(name):
    """The class of that full name."""
    module, name = name.split(".")
    return getattr(importlib.import_module(module), name)


def _like(peer, parts):
    value = SNAPSHOTS[parts[0]](parts[1])
    value._handle = Handle(peer, int(parts[2]))
    return value


def _type(peer, name):
    if name in LATE:
        return _late(name)
    if peer.trusted or name in TYPES:
        return TYPES[name]
    import pkgutil  # on the candidate's end alone, and seldom

    return pkgutil.resolve_name(name)


OF_PEER = {
    "like": _like, "type": _type, "yours": lambda peer, number: peer.own[number],
    "handle": lambda peer, parts: (CallableHandle if parts[1] else Handle)(peer, int(parts[0]), parts[2]),
    "named": lambda peer, number: CallableHandle(peer, int(number), named=True),
    "raises": Peer.exception_class, "error": Peer._mirror,
}  # fmt: skip


# -- numpy and pandas


def _library_parts(value, kind):
    """(tag, parts) of a numpy or pandas value, (None, None) where it is nothing of the kind."""
    numpy, pandas, name = sys.modules["numpy"], sys.modules.get("pandas"), kind.__name__
    if isinstance(value, numpy.dtype):
        return "dtype", value.str if value.names is None else value.descr
    if isinstance(value, numpy.ndarray) and not (value.dtype.hasobject and value.dtype.names):
        data = value.ravel().tolist() if value.dtype.hasobject else value.tobytes().hex()
        return "ndarray", [value.dtype, list(value.shape), data]
    if isinstance(value, numpy.generic) and not value.dtype.hasobject:
        return "scalar", numpy.asarray(value)
    if pandas is None:
        return None, None
    if name not in PANDAS or kind is not getattr(pandas, name, kind):
        arrays = {"Index": pandas.Index, "array": pandas.api.extensions.ExtensionArray}
        name = next((tag for tag, base in arrays.items() if isinstance(value, base)), None)
    return (name, PANDAS[name][1](value)) if name else (None, None)


def _column(array):
    """What holds the data of a Series: a numpy array where that says it all."""
    numpy = sys.modules["numpy"]
    return numpy.asarray(array) if isinstance(array.dtype, numpy.dtype) else array


def _index(value):
    frequent = type(value).__name__ in ("DatetimeIndex", "TimedeltaIndex")
    return [_column(value.array), value.name, value.freqstr if frequent else None]


# By name the keywords of the constructor (no others: some switch checks off), and what they are for a value.
PANDAS = {
    "NaTType": ("", lambda v: 0), "NAType": ("", lambda v: 0),
    "Timestamp": ("", lambda v: [v.asm8, v.tz and str(v.tz)]), "Timedelta": ("", lambda v: [v.asm8, None]),
    "Index": ("", _index),
    "array": ("data dtype", lambda v: [list(v), str(v.dtype)]),
    "Period": ("ordinal freq", lambda v: [v.ordinal, v.freqstr]),
    "Interval": ("left right closed", lambda v: [v.left, v.right, v.closed]),
    "Categorical": ("codes categories ordered", lambda v: [v.codes.tolist(), v.categories, bool(v.ordered)]),
    "Series": ("data index name", lambda v: [_column(v.array), v.index, v.name]),
    "DataFrame": ("", lambda v: [[_column(v.iloc[:, n].array) for n in range(v.shape[1])], v.columns, v.index]),
    "RangeIndex": ("start stop step name", lambda v: [v.start, v.stop, v.step, v.name]),
    "MultiIndex": ("levels codes names", lambda v: [list(v.levels), [c.tolist() for c in v.codes], list(v.names)]),
}  # fmt: skip


def _dtype(parts):
    import numpy

    dtype = parts if isinstance(parts, numpy.dtype) else numpy.dtype(parts)
    if dtype.hasobject and dtype.str != "|O":
        raise Malformed("a dtype with objects")
    return dtype


def _array(parts):
    import numpy

    dtype, shape, data = parts
    if dtype.hasobject:
        return numpy.fromiter(data, object).reshape(shape)
    return numpy.ndarray(shape, dtype, bytearray.fromhex(data)).copy()


def _pandas(name, parts):
    import pandas

    if name in ("NaTType", "NAType"):
        return getattr(pandas, name.removesuffix("Type"))
    if name in ("Timestamp", "Timedelta"):
        stamp, zone = getattr(pandas, name)(parts[0]), parts[1]
        return stamp.tz_localize("UTC").tz_convert(zone) if zone else stamp
    if name == "DataFrame":
        frame = pandas.DataFrame(dict(enumerate(parts[0])), index=parts[2])
        frame.columns = parts[1]
        return frame
    if name == "Index":
        index = pandas.Index(parts[0], name=parts[1])
        if parts[2]:
            index.freq = parts[2]
        return index
    make = pandas.Categorical.from_codes if name == "Categorical" else getattr(pandas, name)
    return make(**dict(zip(PANDAS[name][0].split(), parts, strict=True)))


DECODERS |= {"dtype": _dtype, "ndarray": _array, "scalar": lambda array: array[()]}
DECODERS |= {name: functools.partial(_pandas, name) for name in PANDAS}
