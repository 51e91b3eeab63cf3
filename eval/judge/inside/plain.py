"""Is a program *plain*: does its syntax tree show that it can reach its test only through its arguments?

A plain program may run in the process of its test. `Examination` decides before the program runs, from what is listed
as harmless; what is not listed is not plain. Python looks up attributes by names made at run time only in a few ways
(`getattr`, format strings, pandas' `apply("name")`, ...). The tree is changed to go through `guards.py` there, under
names that no source text can write (`~getattr`). `eval/judge/README.md` states the rule in words, and why it holds.
"""

import ast

from eval.judge.inside import allowed
from eval.judge.inside.allowed import NotPlain, fault_in_attribute, is_special, needs_owner
from eval.judge.inside.trees import guarded, is_member, is_text, located

SUBSCRIPTED = {"typing", "list", "dict", "tuple", "set", "frozenset"}


class Examination:
    """A walk over one program, which changes its tree for compilation. NotPlain says why it is not plain."""

    def __init__(self, tree, provided, libraries):
        self.modules = {}  # name in the program -> module that it stands for
        self.libraries, self.pandas = libraries, libraries == "pandas"
        self.origins = {}  # name bound by a `from` import -> what it is, as "module.name"
        self.bound = set()  # names that the program binds, in whatever scope
        self.assigned = set()  # those of them that are no class and no function
        self.late = set()  # names of the module that may be bound while the test runs
        self.loads, self.privates, self.refused = set(), set(), set()
        self.classes = {}  # name -> whether it derives from a class of a library's
        self.ready = set()  # ids of nodes that were handled with their parent
        self.functions = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        nodes = list(ast.walk(tree))
        for node in nodes:
            self.note(node)
        self.modules = {name: module for name, module in provided.items() if name not in self.bound} | self.modules
        bases = [(node.name, base) for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases]
        self.kinds = {name for name, base in bases if allowed.CONTEXTS.get(self.origin(base)) == "kind"}
        self.lenient = set()  # `type(x)` and `x.__class__` that are compared or asked for their name
        for node in nodes:
            visit = VISITS.get(type(node))
            if visit and id(node) not in self.ready:
                visit(self, node)
        clash = self.bound & allowed.RESERVED_NAMES or self.refused & self.loads
        if clash or (clash := self.bound & {"_ignore_"}):  # members that an enumeration does not get
            raise NotPlain(f"the name {min(clash)}")

    # -- first: what the program binds

    def note(self, node):
        """Note what is bound, and check the identifiers that are bare strings in the tree."""
        kind = type(node)
        if kind is ast.Name:
            (self.loads if type(node.ctx) is ast.Load else self.assigned).add(node.id)
            self.bound.update(() if type(node.ctx) is ast.Load else (node.id,))
        elif kind is ast.Attribute:
            if type(node.ctx) is not ast.Load:
                self.privates.add(node.attr)
        elif kind is ast.arg:
            self.bind(node.arg)
        elif kind is ast.FunctionDef or kind is ast.AsyncFunctionDef:
            self.bound.add(node.name)
        elif kind is ast.ClassDef:
            self.bound.add(node.name)
            self.classes[node.name] = False
            self.privates.update(inner.name for inner in node.body if hasattr(inner, "name"))
            targets = [target for inner in node.body for target in getattr(inner, "targets", [])]
            targets += [inner.target for inner in node.body if hasattr(inner, "target")]
            self.privates.update(target.id for target in targets if isinstance(target, ast.Name))
        elif kind is ast.Import:
            for alias in node.names:
                self.allow(alias.name)
                name = alias.asname or alias.name.split(".")[0]
                self.stand_for(name, alias.name if alias.asname else name)
        elif kind is ast.ImportFrom:
            self.note_import_from(node)
        elif kind is ast.Global or kind is ast.Nonlocal:
            self.bound.update(node.names)
            self.late.update(node.names if kind is ast.Global else ())
        elif kind is ast.GeneratorExp:  # a name in it is bound when the generator is advanced
            self.late.update(inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        else:
            for field in "name", "rest":  # handlers, patterns and type parameters
                if isinstance(getattr(node, field, None), str):
                    self.bind(getattr(node, field))

    def bind(self, name):
        if is_special(name):
            raise NotPlain(f"the name {name}")
        self.bound.add(name)
        self.assigned.add(name)

    def allow(self, module):
        if module not in allowed.MODULES:
            raise NotPlain(f"the module {module}")

    def stand_for(self, name, module):
        self.allow(module)
        self.bind(name)
        if self.modules.setdefault(name, module) != module:
            raise NotPlain(f"the name {name} for two modules")

    def note_import_from(self, node):
        if node.level or not node.module:
            raise NotPlain("a relative import")
        self.allow(node.module)
        for alias in node.names:
            full, name = f"{node.module}.{alias.name}", alias.asname or alias.name
            if alias.name == "*":
                self.note_star(node.module)
            elif full in allowed.MODULES:
                self.stand_for(name, full)
            else:
                self.offer(node.module, alias.name)
                self.bind(name)
                if self.origins.setdefault(name, full) != full:
                    raise NotPlain(f"the name {name} for two things")
                if full in allowed.GUARDED:
                    if len(node.names) > 1:
                        raise NotPlain(f"{full} imported together with others")
                    node.module = "~guards"

    def note_star(self, module):
        listed = getattr(allowed.load(module), "__all__", None) or allowed.offered(module)
        if module not in allowed.STAR:
            raise NotPlain(f"all names of {module}")
        self.bound.update(listed)
        special = {
            full.rpartition(".")[2] for full in (*allowed.GUARDED, *allowed.CONTEXTS) if full.startswith(module + ".")
        }
        self.refused |= special | allowed.EXCEPT.get(module, frozenset())

    def offer(self, module, name):
        if name not in allowed.offered(module):
            raise NotPlain(f"{module}.{name}")

    # -- then: what it uses

    def origin(self, node):
        """The "module.name" that an expression stands for, or None."""
        if isinstance(node, ast.Name):
            return self.origins.get(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = self.modules.get(node.value.id)
            return module and f"{module}.{node.attr}"
        return None

    def allowed_as(self, node, context):
        """Whether an expression is one of those that are allowed only in this context."""
        if allowed.CONTEXTS.get(self.origin(node)) != context and not (
            context == "kind" and getattr(node, "id", "") in self.kinds
        ):
            return False
        self.ready.add(id(node))
        if isinstance(node, ast.Attribute):
            self.ready.add(id(node.value))
        return True

    def kinds_in(self, node):
        """Allow classes in an annotation, or where they are only compared."""
        if isinstance(node, (ast.Name, ast.Attribute)):
            self.allowed_as(node, "kind")
            if getattr(node, "id", "") == "type":
                self.ready.add(id(node))
        elif isinstance(node, (ast.Tuple, ast.List)):
            for item in node.elts:
                self.kinds_in(item)
        elif isinstance(node, ast.BinOp):
            self.kinds_in(node.left)
            self.kinds_in(node.right)
        elif isinstance(node, ast.Subscript):
            base = self.origin(node.value) or getattr(node.value, "id", "")
            self.kinds_in(node.slice if base.split(".")[0] in SUBSCRIPTED - self.assigned else None)

    def annotated(self, node):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            self.kinds_in(annotation)

    def compared(self, node):
        sides = [node.left, *node.comparators]
        type_calls = [side for side in sides if isinstance(side, ast.Call) and getattr(side.func, "id", "") == "type"]
        if type_calls and all(side in type_calls or self.is_class(side) for side in sides):
            self.lenient.update(map(id, type_calls))
            for side in sides:
                self.kinds_in(side)

    def is_class(self, node):
        """Whether an expression is a builtin class, one of a module, or a sequence of these."""
        if isinstance(node, (ast.Tuple, ast.List)):
            return all(map(self.is_class, node.elts))
        if isinstance(node, ast.Name) and node.id in allowed.BUILTINS:
            return node.id not in self.bound
        return self.origin(node) is not None

    def name(self, node):
        name = node.id
        if is_special(name) and (name != "__name__" or type(node.ctx) is not ast.Load):
            raise NotPlain(f"the name {name}")
        if type(node.ctx) is not ast.Load:
            return
        if name in allowed.DENIED_NAMES:
            raise NotPlain(f"the name {name}")
        if name in self.modules:
            raise NotPlain(f"the module {name} as a value")
        if name in allowed.GUARDED_NAMES:
            if name == "type":
                raise NotPlain("type as a value")
            node.id = f"~{name}"
        elif allowed.CONTEXTS.get(self.origins.get(name)) or name in self.kinds:
            raise NotPlain(f"{name} in an unusual place")

    def attribute(self, node):
        self.follow(node)
        if id(node) in self.ready:
            return
        name, stored = node.attr, type(node.ctx) is not ast.Load
        if name in ("__class__", "__dict__") and not stored:
            strict = id(node) not in self.lenient
            guard = "~attributes" if name == "__dict__" else "~maker" if strict else "~instance"
            node.value, node.attr = guarded(guard, node.value), name.replace("__dict__", "kept")
            return
        if name == "__name__":
            self.lenient.add(id(node.value))
        fault = fault_in_attribute(name, self.privates, self.libraries)
        if fault or (stored and is_special(name)):
            raise NotPlain(fault or f"the attribute {name}")
        if stored:
            node.value = guarded("~settable", node.value, name)
        elif needs_owner(name, self.libraries):
            node.value = guarded("~own", node.value)
        elif name in ("format", "format_map"):
            if isinstance(node.value, ast.Constant):
                text = node.value.value
                fault = isinstance(text, str) and allowed.fault_in_format(text, self.libraries)
                if fault:
                    raise NotPlain(fault)
            else:
                node.value = guarded("~text", node.value)
        elif self.pandas and name in allowed.DISPATCHING:
            raise NotPlain(f"the method {name} as a value")

    def follow(self, node):
        """Follow a chain of attributes that begins with a module."""
        links = [node]
        while isinstance(links[-1].value, ast.Attribute) and id(links[-1].value) not in self.ready:
            links.append(links[-1].value)
        base = links[-1].value
        if not isinstance(base, ast.Name) or base.id not in self.modules:
            return
        module = self.modules[base.id]
        self.ready.add(id(base))
        for link in reversed(links):
            self.ready.add(id(link))
            full = f"{module}.{link.attr}"
            if full in allowed.MODULES:
                module = full
                continue
            self.offer(module, link.attr)
            if type(link.ctx) is not ast.Load or allowed.CONTEXTS.get(full):
                raise NotPlain(f"{full} in an unusual place")
            if full in allowed.GUARDED:
                link.value = ast.copy_location(ast.Name("~guards", ast.Load()), link.value)
            return
        raise NotPlain(f"the module {module} as a value")

    def call(self, node):
        function = node.func
        name = getattr(function, "id", None) or getattr(function, "attr", None)
        if isinstance(function, ast.Name) and name == "type":
            if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
                raise NotPlain("type with other than one argument")
            function.id = "~kind" if id(node) in self.lenient else "~type"
            self.ready.add(id(function))
        elif isinstance(function, ast.Name) and name in ("isinstance", "issubclass") and len(node.args) == 2:
            self.kinds_in(node.args[1])
        elif isinstance(function, ast.Attribute) and name == "view" and len(node.args) == 1:
            if self.allowed_as(node.args[0], "kind"):
                function.value = guarded("~array", function.value)
        elif self.pandas and name in allowed.DISPATCHING and isinstance(function, ast.Attribute):
            guard = "~query" if name == "query" else "~methods"
            first = 3 if name in ("pivot_table", "crosstab") else 0  # before the name of a function come data
            for position, value in enumerate(node.args):
                if isinstance(value, ast.Starred):
                    value.value, first = guarded(guard, value.value), 0
                elif position >= first and not isinstance(value, ast.Lambda):
                    node.args[position] = guarded(guard, value)
            for keyword in node.keywords:
                keyword.value = guarded(guard, keyword.value)
            self.follow(function)
            self.ready.add(id(function))

    def keyword(self, node):
        if node.arg in allowed.DENIED_KEYWORDS:
            raise NotPlain(f"the argument {node.arg}")
        if node.arg is None:
            node.value = guarded("~keywords", node.value)

    def function(self, node):
        self.annotated(node)
        if is_special(node.name):
            raise NotPlain(f"the function {node.name}")

    def pattern(self, node):
        for name in node.kwd_attrs:
            if is_special(name) or self.fault_in(name):
                raise NotPlain(f"the attribute {name}")

    # -- classes

    def class_(self, node):
        self.function(node)
        for keyword in node.keywords:
            if keyword.arg is None:
                raise NotPlain("arguments of a class that are computed")
            if keyword.arg == "metaclass" and self.allowed_as(keyword.value, "metaclass"):
                self.ready.add(id(keyword))
        for decorator in node.decorator_list:
            self.allowed_as(decorator.func if isinstance(decorator, ast.Call) else decorator, "decorator")
        methods = {inner.name for inner in node.body if isinstance(inner, ast.FunctionDef)}
        for inner in node.body:
            if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.method(inner)
            elif isinstance(inner, ast.Assign) and len(inner.targets) == 1:
                self.class_variable(inner.targets[0], inner.value, methods)
        changes = not all(isinstance(inner, ast.Pass) or is_text(inner) for inner in node.body)
        for base in node.bases:
            if self.allowed_as(base, "base"):
                if not any(map(is_member, node.body)):
                    raise NotPlain("an enumeration without members")
            elif self.allowed_as(base, "kind") or self.is_foreign(base):
                self.classes[node.name] = True
                if changes:
                    raise NotPlain("a changed class of a library")

    def is_foreign(self, base):
        """Whether a base class belongs to a library; NotPlain if that is unknown."""
        if isinstance(base, ast.Subscript):
            base = base.value
        if isinstance(base, ast.Call):
            if self.origin(base.func) in ("collections.namedtuple", "typing.NamedTuple"):
                return False
            raise NotPlain("a base class that is computed")
        full = self.origin(base)
        if full:
            return full.split(".")[0] in allowed.FOREIGN
        name = getattr(base, "id", None)
        known = name in self.classes or name in allowed.BUILTINS - {"super"}  # it would look up what others define
        if name in self.assigned or not known:
            raise NotPlain("a base class that is computed")
        return self.classes.get(name, False)

    def method(self, node):
        name = node.name
        if not is_special(name):
            return
        if name not in allowed.ORDINARY:
            raise NotPlain(f"the method {name}")
        self.ready.add(id(node))
        if name not in allowed.CLAIMS and name != "__getattr__":
            return
        parameters = [*node.args.posonlyargs, *node.args.args]
        few = len(parameters) < (2 if name == "__getattr__" else 1)
        odd = isinstance(node, ast.AsyncFunctionDef) or node.decorator_list or few
        if odd or any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in ast.walk(node)):
            raise NotPlain(f"an unusual {name}")
        names = [ast.Name(parameter.arg, ast.Load()) for parameter in parameters[:2]]
        guard = "~unanswered" if name == "__getattr__" else "~claim"
        note = ast.Expr(ast.Call(ast.Name(guard, ast.Load()), [ast.Constant(name), *names], []))
        node.body.insert(1 if is_text(node.body[0]) and len(node.body) > 1 else 0, located(note, node))

    def class_variable(self, target, value, methods):
        name = getattr(target, "id", "")
        if not is_special(name):
            return
        if name in ("__match_args__", "__slots__"):
            fault_in = is_special if name == "__slots__" else self.fault_in
            items = [getattr(item, "value", None) for item in getattr(value, "elts", [value])]
            if any(not isinstance(item, str) or fault_in(item) for item in items):
                raise NotPlain(f"an unusual {name}")
        elif name not in allowed.CLASS_NAMES:  # an alias of a method, such as `__rmul__ = __mul__`
            known = isinstance(value, ast.Name) and value.id in methods and value.id not in self.assigned
            if not (known and name in allowed.ORDINARY - allowed.BY_NAME):
                raise NotPlain(f"an unusual {name}")
            if value.id in allowed.ORDINARY:
                self.ready.add(id(value))
        self.ready.add(id(target))

    def fault_in(self, name):
        """Whether an attribute may not be taken where no guard sees the object."""
        names = {"format", "format_map", *(allowed.DISPATCHING if self.pandas else ())}
        return name in names or fault_in_attribute(name, (), self.libraries)


VISITS = {
    ast.Name: Examination.name, ast.Attribute: Examination.attribute, ast.Call: Examination.call,
    ast.keyword: Examination.keyword, ast.FunctionDef: Examination.function,
    ast.AsyncFunctionDef: Examination.function, ast.ClassDef: Examination.class_,
    ast.MatchClass: Examination.pattern, ast.arg: Examination.annotated, ast.AnnAssign: Examination.annotated,
    ast.Compare: Examination.compared,
}  # fmt: skip
