"""What a plain program may use: modules and their names, names of builtins, attributes, format strings (`plain.py`)."""

import builtins
import functools
import importlib
import sys
import types
from _string import formatter_field_name_split, formatter_parser


class NotPlain(Exception):
    """Why a program is not plain."""


def words(text):
    """The words of a text, as a set."""
    return frozenset(text.split())


# -- Modules. For those in EVERY and EXCEPT all that `__all__` lists (else their public names that are not modules),
# without what EXCEPT names; for those in ONLY the names listed there.

EVERY = words("""
    __future__ array base64 binascii bisect bs4 cmath collections collections.abc colorsys contextlib datetime
    dateutil.relativedelta difflib fnmatch fractions graphlib hashlib heapq hmac html ipaddress itertools keyword math
    numbers pathlib pprint queue random re secrets statistics struct textwrap time unicodedata urllib.parse zlib
    numpy.char numpy.exceptions numpy.fft numpy.linalg numpy.ma numpy.polynomial numpy.polynomial.polynomial
    numpy.random numpy.strings pandas.api.types pandas.errors pandas.offsets pandas.tseries.offsets
    scipy.cluster.hierarchy scipy.constants scipy.fft scipy.integrate scipy.interpolate scipy.linalg scipy.ndimage
    scipy.optimize scipy.signal scipy.spatial scipy.spatial.distance scipy.special sklearn.cluster
    sklearn.decomposition sklearn.ensemble sklearn.feature_extraction sklearn.feature_extraction.text sklearn.impute
    sklearn.linear_model sklearn.metrics sklearn.metrics.pairwise sklearn.model_selection sklearn.naive_bayes
    sklearn.neighbors sklearn.pipeline sklearn.preprocessing sklearn.svm sklearn.tree""")
EXCEPT = {
    "calendar": "setfirstweekday main c",
    # A context decides how the numbers of the test are rounded.
    "decimal": "getcontext setcontext localcontext Context DefaultContext BasicContext ExtendedContext",
    "copy": "replace",
    "dataclasses": "make_dataclass Field",  # names of fields get into source text
    "functools": "singledispatch singledispatchmethod",  # evaluates annotations that are strings
    "operator": "",
    "string": "Formatter",
    "typing": "get_type_hints get_args evaluate_forward_ref ForwardRef TypedDict no_type_check_decorator",
    "numpy": """load save savez savez_compressed memmap fromfile DataSource fromregex lib testing ctypeslib core f2py
        typing test rec set_printoptions printoptions setbufsize seterrcall info show_config show_runtime get_include
        from_dlpack matlib emath dtypes sctypeDict ScalarType add_newdoc add_docstring add_newdoc_ufunc deprecate
        set_numeric_ops set_string_function seterrobj lookfor source""",
    "numpy.ma": "mvoid mrecords",
    "numpy.random": "set_state BitGenerator MT19937 PCG64 PCG64DXSM Philox SFC64",  # states that are not checked
    "pandas": """eval read_pickle to_pickle read_hdf read_sql read_sql_query read_sql_table read_clipboard read_gbq
        read_parquet read_orc read_feather read_sas read_spss read_stata read_iceberg ExcelFile ExcelWriter HDFStore
        set_option reset_option option_context describe_option get_option options testing test io plotting""",
    "scipy.stats": "rv_continuous rv_discrete rv_histogram make_distribution",
}
ONLY = {
    "abc": "ABC ABCMeta abstractmethod abstractproperty abstractclassmethod abstractstaticmethod",
    "ast": "literal_eval",
    "asyncio": """sleep gather run wait wait_for create_task as_completed Lock Event Queue Semaphore TimeoutError
        CancelledError""",
    "bs4.element": "Tag NavigableString Comment",
    "csv": "reader writer DictReader DictWriter Sniffer Error QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC",
    "dateutil": "",
    "dateutil.parser": "parse",
    "enum": "Enum IntEnum Flag IntFlag StrEnum auto unique",
    "io": "StringIO BytesIO",
    "json": "dumps loads dump load JSONDecodeError JSONEncoder JSONDecoder",
    "os": "sep linesep extsep pathsep getcwd listdir makedirs mkdir remove unlink rmdir PathLike",
    "os.path": """abspath basename commonpath commonprefix dirname exists expanduser getsize isabs isdir isfile join
        normcase normpath realpath relpath split splitdrive splitext sep""",
    "pandas.api": "",
    "pandas.tseries": "",
    "scipy": "",
    "shlex": "split quote join",
    "sklearn": "",
    "sys": """stdin stdout stderr maxsize maxunicode setrecursionlimit getrecursionlimit getsizeof float_info int_info
        hash_info version version_info platform byteorder intern""",
    # Not SimpleNamespace: its attributes may have any names.
    "types": "MappingProxyType GeneratorType FunctionType LambdaType BuiltinFunctionType NoneType",
    "urllib": "",
    "uuid": "UUID uuid3 uuid4 uuid5 NAMESPACE_DNS NAMESPACE_URL NAMESPACE_OID NAMESPACE_X500",
    "warnings": "warn simplefilter filterwarnings catch_warnings",
    "xml": "",
    "xml.etree": "",
    "xml.etree.ElementTree": "Element SubElement fromstring tostring XML ElementTree ParseError iselement Comment",
    "zoneinfo": "ZoneInfo ZoneInfoNotFoundError available_timezones",
}
EXCEPT = {name: words(text) for name, text in EXCEPT.items()}
MODULES = dict.fromkeys([*EVERY, *EXCEPT]) | {name: words(text) for name, text in ONLY.items()}
# These look up or set attributes by name: `guards.py` has versions that check the names.
GUARDED = words("operator.attrgetter operator.methodcaller functools.wraps functools.update_wrapper")
# Allowed in one context only: elsewhere it would make classes from names, or write into classes of others.
CONTEXTS = {"dataclasses.dataclass": "decorator", "functools.total_ordering": "decorator", "abc.ABCMeta": "metaclass"}
CONTEXTS |= {f"enum.{name}": "base" for name in words("Enum IntEnum Flag IntFlag StrEnum")}
# Classes that make objects of raw memory: for comparisons and annotations, not for calls.
CONTEXTS |= {f"numpy.{name}": "kind" for name in words("ndarray void record recarray chararray")}
# A program may import all names of these modules at once.
STAR = words("""bisect cmath collections copy datetime decimal fractions functools heapq itertools math operator
    random re statistics string time typing""")
FOREIGN = words("numpy pandas scipy sklearn bs4 dateutil")  # a subclass of one of their classes may change nothing

# -- Names.

DENIED_NAMES = words(
    "eval exec compile __import__ globals locals breakpoint exit quit SystemExit help license copyright"
)
GUARDED_NAMES = words("getattr setattr delattr hasattr type open vars dir")
RESERVED_NAMES = GUARDED_NAMES | DENIED_NAMES
TEXTS = words("__name__ __doc__ __qualname__ __version__")
COMPARING = words("__eq__ __ne__ __lt__ __le__ __gt__ __ge__")
# Methods on which the truth of an assertion can rest: guards note which of them a test calls.
CLAIMS = COMPARING | {
    f"__{name}__"
    for name in words("""bool len contains neg pos abs invert round exit
    int float complex index trunc floor ceil""")
}
CLAIMS |= {
    f"__{kind}{name}__" for kind in ("", "r", "i")
    for name in words("add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or")
}  # fmt: skip
ORDINARY = CLAIMS | {
    f"__{name}__"
    for name in words("""init new post_init repr str bytes format hash call length_hint getitem setitem delitem missing
    iter next reversed complex int float index trunc floor ceil enter aenter aexit aiter anext await copy deepcopy get
    set delete set_name init_subclass class_getitem getattr setattr delattr sizeof fspath""")
}
BY_NAME = words("__getattr__ __setattr__ __delattr__ __set__ __delete__ __set_name__")  # defined in a class, not called
CLASS_NAMES = words("__hash__ __doc__")
NAMEDTUPLE = words("_asdict _replace _fields _make _field_defaults")
# They lead to frames, code, modules and memory, or change objects of others.
DENIED_ATTRIBUTES = words("""
    f_back f_builtins f_code f_globals f_lasti f_lineno f_locals f_trace f_generator mro register with_traceback
    attrgetter methodcaller update_wrapper make_dataclass get_stack print_stack get_loop get_coro os sys builtins gc
    inspect importlib subprocess threading pickle marshal linecache ctypes cffi capsule data_as tofile fromfile
    getfield setfield setflags raw fileno detach buffer_info modules settrace setprofile""")
DENIED_OF_ARRAYS = words("type indices indptr strides tree_ set_state bit_generator")  # unless the program defines them
DENIED_PREFIXES = ("gi_", "cr_", "ag_", "tb_", "co_")
# Methods of pandas objects that evaluate text, read and write pickles or files of other formats, or draw.
DENIED_OF_PANDAS = words("""eval to_pickle to_hdf to_sql to_excel to_parquet to_feather to_stata to_clipboard
    to_gbq to_orc to_xml style plot hist boxplot""")
# They call a method by name, or evaluate a text.
DISPATCHING = words("apply agg aggregate transform applymap pivot_table crosstab query")
DENIED_KEYWORDS = words("metaclass assigned updated refcheck opener module")
MODULE_NAMES = frozenset(sys.stdlib_module_names) | FOREIGN
BUILTINS = frozenset(dir(builtins))


@functools.cache
def offered(module):
    """Names of a module that a plain program may use, except those of modules."""
    loaded, names = load(module), MODULES[module]
    if names is None:
        names = getattr(loaded, "__all__", None) or dir(loaded)
    return frozenset(
        name for name in names
        if not name.startswith("_") and name not in EXCEPT.get(module, ())
        and not isinstance(getattr(loaded, name, None), types.ModuleType)
    )  # fmt: skip


def load(module):
    """A listed module; NotPlain if it is not installed: judged apart, the program raises the ImportError."""
    try:
        return importlib.import_module(module)
    except ImportError:
        parent, _, name = module.rpartition(".")
        attribute = getattr(load(parent), name, None) if parent else None
        if not isinstance(attribute, types.ModuleType):
            raise NotPlain(f"the module {module} is not installed") from None
        return attribute


def fault_in_attribute(name, bound=(), libraries="pandas"):
    """Why a plain program may not look up an attribute of that name, or None.

    `bound`: attributes that it sets itself, where a guard sees to it that it meets only its objects (`needs_owner`);
    `libraries`: whether it may meet objects of "numpy", or of "pandas" too.
    """
    is_bound = name in bound and name.strip("_") not in MODULE_NAMES
    if is_special(name):
        good = name in ORDINARY - BY_NAME or name in TEXTS
    elif name.startswith("_"):
        good = name in NAMEDTUPLE or is_bound
    else:
        good = name not in DENIED_ATTRIBUTES and not name.startswith(DENIED_PREFIXES)
        good = good and not (libraries == "pandas" and name in DENIED_OF_PANDAS)
        good = good and (is_bound or not (libraries and name in DENIED_OF_ARRAYS))
    return None if good else f"the attribute {name}"


def is_special(name):
    """Whether Python or a library may look up a name by itself."""
    return name.startswith("__") and name.endswith("__")


def needs_owner(name, libraries="pandas"):
    """Whether a name that the program binds may be an attribute of other objects too, and lead inwards there."""
    if name.startswith("_"):
        return not is_special(name) and name not in NAMEDTUPLE
    return bool(libraries) and name in DENIED_OF_ARRAYS


def fault_in_format(text, libraries="pandas"):
    """Why a format string is not plain, or None. Its fields may look up attributes."""
    try:
        for _, field, spec, _ in formatter_parser(text):
            for is_attribute, name in formatter_field_name_split(field)[1] if field else ():
                fault = is_attribute and fault_in_attribute(name, (), libraries)
                if fault:
                    return fault
            fault = fault_in_format(spec, libraries) if spec else None
            if fault:
                return fault
    except ValueError:
        pass  # not a format string: using it raises the same error
    return None
