"""What crosses between a program and its test where they are kept apart: values, as JSON.

Strings, floats, booleans, None, small integers and lists stand for themselves; everything else is an object with one
key, the tag, whose value are the parts it is built from. Only exact types cross: built-in ones, and value types of the
standard library, numpy and pandas. An iterator is drained and crosses as its items. Any other object is NoValue.
Nothing is ever unpickled or evaluated: the worst that a hostile peer can do is to send a wrong value.
"""

import builtins
import collections
import functools
import importlib
import itertools
import operator
import sys
import types

from eval.judge.inside.allowed import is_special
from eval.judge.inside.channel import Malformed

DEPTH = 1000  # nesting of containers; deeper values are refused rather than risking the C stack
ITEMS = 1_000_000  # of an iterator
WORD = 1 << 62


class NoValue(Exception):
    """An object that cannot cross; the message is its type."""


# -- type -> (parts of a value, value of such parts); the tag is the type's name


def _items(value):
    return [list(pair) for pair in value.items()]


def _fields(kind, *names):
    return operator.attrgetter(*names), lambda parts: kind(*parts)


def _drained(iterator):
    items = list(itertools.islice(iterator, ITEMS + 1))
    if len(items) > ITEMS:
        raise NoValue(f"{type(iterator).__name__} with more than {ITEMS} items")
    return items


def _names(attributes):
    """The object of these names: none may be one that Python or a library looks up by itself."""
    if any(is_special(name) for name in attributes):
        raise Malformed("an object with special attributes")
    return types.SimpleNamespace(**attributes)


CODEC = {
    tuple: (list, tuple), set: (list, set), frozenset: (list, frozenset), dict: (_items, dict),
    collections.OrderedDict: (_items, collections.OrderedDict),
    collections.Counter: (_items, lambda p: collections.Counter(dict(p))),
    collections.defaultdict: (lambda v: [v.default_factory, dict(v)], lambda p: collections.defaultdict(*p)),
    collections.deque: (lambda v: [list(v), v.maxlen], lambda p: collections.deque(*p)),
    collections.ChainMap: (lambda v: list(v.maps), lambda p: collections.ChainMap(*p)),
    collections.UserDict: (lambda v: v.data, collections.UserDict),
    collections.UserList: (lambda v: v.data, collections.UserList),
    collections.UserString: (lambda v: v.data, collections.UserString),
    types.MappingProxyType: (dict, types.MappingProxyType),
    types.SimpleNamespace: (vars, _names),
    type({}.keys()): (list, lambda p: dict.fromkeys(p).keys()), type({}.items()): (list, lambda p: dict(p).items()),
    type({}.values()): (list, lambda p: dict(enumerate(p)).values()),
    bytes: (bytes.hex, bytes.fromhex), bytearray: (bytearray.hex, bytearray.fromhex),
    memoryview: (lambda v: v.tobytes().hex(), lambda p: memoryview(bytes.fromhex(p))),
    type(...): (lambda v: 0, lambda p: ...), type(NotImplemented): (lambda v: 0, lambda p: NotImplemented),
    complex: _fields(complex, "real", "imag"), range: _fields(range, "start", "stop", "step"),
    slice: _fields(slice, "start", "stop", "step"),
}  # fmt: skip
ITERATORS = {type(iter(value)) for value in ([], (), "", b"", {}, {}.values(), {}.items(), set(), range(1))}
ITERATORS |= {types.GeneratorType, zip, map, filter, enumerate, reversed, type(reversed([])), type(iter(int, 1))}
ITERATORS |= {kind for kind in vars(itertools).values() if isinstance(kind, type)}
PARTS = {kind: parts for kind, (parts, _) in CODEC.items()} | dict.fromkeys(ITERATORS, _drained)
BUILD = {kind.__name__: build for kind, (_, build) in CODEC.items()}
BUILD |= {"int": lambda p: int(p, 16), "iterator": iter}


# The same by full name, for classes of modules that few programs import. The builder also gets the class.
def _date(kind, parts):
    text, zone, fold = parts
    return kind.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _moment(value):
    return [value.replace(tzinfo=None).isoformat(), value.tzinfo, value.fold]


def _text(kind, part):
    return kind(part)


def _spread(kind, parts):
    return kind(*parts)


LATE = {
    "decimal.Decimal": (str, _text), "uuid.UUID": (str, _text), "zoneinfo.ZoneInfo": (lambda v: v.key, _text),
    "fractions.Fraction": (operator.attrgetter("numerator", "denominator"), _spread),
    "datetime.timedelta": (operator.attrgetter("days", "seconds", "microseconds"), _spread),
    "datetime.date": (operator.methodcaller("isoformat"), lambda kind, p: kind.fromisoformat(p)),
    "datetime.time": (_moment, _date), "datetime.datetime": (_moment, _date),
    "datetime.timezone": (lambda v: v.__getinitargs__(), _spread),
    "re.Pattern": (lambda v: [v.pattern, v.flags], lambda kind, p: importlib.import_module("re").compile(*p)),
    "array.array": (lambda v: [v.typecode, v.tolist()], _spread),
    "time.struct_time": (list, _text),
}  # fmt: skip
LATE |= {f"pathlib.{name}": (str, _text) for name in ("PosixPath", "PurePosixPath", "PureWindowsPath")}
LATE |= {f"ipaddress.IPv{n}{kind}": (str, _text) for n in "46" for kind in ("Address", "Network", "Interface")}
# Modules whose public classes and functions cross by their names, like the modules themselves.
SHARED = {"builtins", "math", "cmath", "operator", "itertools", "functools", "collections", "string", "re", "datetime",
          "decimal", "fractions", "random", "statistics", "json", "numpy", "pandas"}  # fmt: skip


def _class_of(name):
    module, _, name = name.rpartition(".")
    return getattr(importlib.import_module(module), name)


def encode(value, depth=0):
    """The JSON form of a value; NoValue where an object cannot cross, ValueError where it is nested too deeply."""
    kind = type(value)
    if kind is str or kind is bool or kind is float or value is None:
        return value
    if kind is int:
        return value if -WORD < value < WORD else {"int": hex(value)}
    if depth > DEPTH:
        raise ValueError(f"the value is nested deeper than {DEPTH} levels")
    if kind is list:
        return [encode(item, depth + 1) for item in value]
    parts = PARTS.get(kind)
    if parts:
        return {"iterator" if kind in ITERATORS else kind.__name__: encode(parts(value), depth + 1)}
    name = f"{kind.__module__}.{kind.__name__}"
    if name in LATE and _class_of(name) is kind:
        return {name: encode(LATE[name][0](value), depth + 1)}
    if kind.__module__.split(".")[0] in ("numpy", "pandas"):
        tag, parts = _library_parts(value, kind)
        if tag:
            return {tag: encode(parts, depth + 1)}
    shared = _shared_name(value)
    if shared:
        return {"shared": shared}
    raise NoValue(name.removeprefix("builtins."))


def _shared_name(value):
    """The dotted name of a module, class or function that both sides have; None for any other object."""
    if isinstance(value, types.ModuleType):
        return value.__name__ if value.__name__ in SHARED - {"builtins"} else None
    if isinstance(value, (type, types.BuiltinFunctionType, types.FunctionType)):
        module, name = value.__module__, value.__qualname__
        if module in SHARED and not name.startswith("_"):
            shared = functools.reduce(
                lambda parent, part: getattr(parent, part, None), name.split("."), sys.modules[module]
            )
            return f"{module}.{name}" if shared is value else None
    return None


def _from_shared(name):
    if name in SHARED:
        return importlib.import_module(name)
    module, _, path = name.partition(".")
    if module not in SHARED or any(part.startswith("_") for part in path.split(".")):
        raise Malformed("a name that is not shared")
    return functools.reduce(getattr, path.split("."), importlib.import_module(module))


def decode(tagged):
    """The value of a tagged object, the parts of which are decoded already."""
    ((tag, parts),) = tagged.items()
    if tag in BUILD:
        return BUILD[tag](parts)
    if tag in LATE:
        return LATE[tag][1](_class_of(tag), parts)
    if tag == "shared":
        return _from_shared(parts)
    raise Malformed("a value of no known kind")


# -- changes of arguments


CHANGING = {"list", "dict", "set", "bytearray", "deque", "Counter", "OrderedDict", "defaultdict", "ndarray", "Series"}
CHANGING.add("DataFrame")


def is_mutable(value):
    """Whether a call may change it in place."""
    return type(value).__name__ in CHANGING and type(value).__module__.split(".")[0] in SHARED


def write_back(old, new):
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
    elif type(old).__name__ in ("DataFrame", "Series") and type(old) is type(new):
        old._update_inplace(new)


def _kept(before, after):
    if type(before) is not type(after) or not isinstance(before, (list, dict, set, collections.deque)):
        return after
    write_back(before, after)
    return before


# -- numpy and pandas


def _library_parts(value, kind):
    """(tag, parts) of a numpy or pandas value, (None, None) for any other object."""
    numpy, pandas, name = sys.modules["numpy"], sys.modules.get("pandas"), kind.__name__
    if isinstance(value, numpy.dtype) and not (value.hasobject and value.names):
        return "dtype", value.str if value.names is None else value.descr
    if kind in (numpy.ndarray, numpy.matrix) and not (value.dtype.hasobject and value.dtype.names):
        data = value.ravel().tolist() if value.dtype.hasobject else value.tobytes().hex()
        return name, [value.dtype, list(value.shape), data]
    if isinstance(value, numpy.generic) and not value.dtype.hasobject:
        return "scalar", numpy.asarray(value)
    if pandas is None:
        return None, None
    if name not in PANDAS or kind is not getattr(pandas, name, kind):
        arrays = {"Index": pandas.Index, "array": pandas.api.extensions.ExtensionArray}
        name = next((tag for tag, base in arrays.items() if isinstance(value, base)), None)
    return (name, PANDAS[name][1](value)) if name else (None, None)


def _column(array):
    """What holds the data of a Series: a numpy array if that suffices."""
    return array.to_numpy() if isinstance(array.dtype, sys.modules["numpy"].dtype) else array


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
    "Series": ("", lambda v: [_column(v.array), v.index, v.name]),
    "DataFrame": ("", lambda v: [[_column(v.iloc[:, n].array) for n in range(v.shape[1])], v.columns, v.index]),
    "RangeIndex": ("start stop step name", lambda v: [v.start, v.stop, v.step, v.name]),
    "MultiIndex": ("levels codes names", lambda v: [list(v.levels), [c.tolist() for c in v.codes], list(v.names)]),
}  # fmt: skip


def _dtype(parts):
    import numpy

    if isinstance(parts, numpy.dtype):
        return parts
    dtype = numpy.dtype([tuple(part) for part in parts] if isinstance(parts, list) else parts)
    if dtype.hasobject and dtype.str != "|O":
        raise Malformed("a dtype with objects")
    return dtype


def _array(parts):
    import numpy

    dtype, shape, data = parts
    if dtype.hasobject:
        return numpy.fromiter(data, object, len(data)).reshape(shape)
    return numpy.ndarray(shape, dtype, bytearray.fromhex(data)).copy()


def _matrix(parts):
    import numpy

    return numpy.asmatrix(_array(parts))


def _pandas(name, parts):
    import pandas

    if name in ("NaTType", "NAType"):
        return getattr(pandas, name.removesuffix("Type"))
    if name in ("Timestamp", "Timedelta"):
        stamp, zone = getattr(pandas, name)(parts[0]), parts[1]
        return stamp.tz_localize("UTC").tz_convert(zone) if zone else stamp
    if name == "Series":
        return pandas.Series(parts[0], index=parts[1], name=parts[2], dtype=parts[0].dtype)
    if name == "DataFrame":
        columns = [pandas.Series(column, index=parts[2], dtype=column.dtype) for column in parts[0]]
        frame = pandas.DataFrame(dict(enumerate(columns)), index=parts[2])
        frame.columns = parts[1]
        return frame
    if name == "Index":
        index = pandas.Index(parts[0], name=parts[1], dtype=parts[0].dtype)
        if parts[2]:
            index.freq = parts[2]
        return index
    make = pandas.Categorical.from_codes if name == "Categorical" else getattr(pandas, name)
    return make(**dict(zip(PANDAS[name][0].split(), parts, strict=True)))


BUILD |= {"dtype": _dtype, "ndarray": _array, "matrix": _matrix, "scalar": lambda array: array[()]}
BUILD |= {name: functools.partial(_pandas, name) for name in PANDAS}


# -- exceptions


def describe(error):
    """What may be told of an exception: its classes, and arguments that are values. None of its code runs."""
    args = []
    for value in BaseException.args.__get__(error)[:8]:
        try:
            args.append(encode(value[:65536] if type(value) is str else value))
        except Exception:
            args.append("?")
    kinds = [kind for kind in type.mro(type(error)) if kind.__module__ in ("builtins", *SHARED, "json.decoder")]
    file = getattr(error, "filename", None) if isinstance(error, OSError) else None
    return [type(error).__name__[:100], f"{kinds[0].__module__}.{kinds[0].__qualname__}", args, file]


def mirrored(name, full, args, file, phase):
    """The mirror of an exception of the program, marked with the phase that raised it."""
    kind = getattr(builtins, full.removeprefix("builtins."), None) or _class_of(full)
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        raise Malformed("an exception")
    if kind.__name__ != name:
        kind = type(str(name), (kind,), {"__module__": "solution"})
    error = kind.__new__(kind, *args)
    try:
        error.__init__(*args)
    except Exception:  # the initialiser may want more than what was kept as arguments
        error.args = tuple(args)
    if isinstance(error, OSError):
        error.filename = file
    error._phase = phase
    return error
