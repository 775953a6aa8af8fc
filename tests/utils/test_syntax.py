import ast

import pytest

from player_contact.utils.syntax import code_text

CODE = '''"""A module."""
@cache
def f(x: int, *, y=None, **z) -> "str":
    """What it does."""
    ...
    return f"{x!r:>3}" if y is None else {**z, "ä": -1.5}[x:]
'''
TEXT = (
    "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='x',annotation="
    "Name(id='int'))],kwonlyargs=[arg(arg='y')],kw_defaults=[Constant(value=None)],"
    "kwarg=arg(arg='z')),body=[Return(value=IfExp(test=Compare(left=Name(id='y'),ops=[Is()],"
    "comparators=[Constant(value=None)]),body=JoinedStr(values=[FormattedValue("
    "value=Name(id='x'),conversion=114,format_spec=JoinedStr(values=[Constant(value='>3')]))]),"
    "orelse=Subscript(value=Dict(keys=[None,Constant(value='\\xe4')],values=[Name(id='z'),"
    "UnaryOp(op=USub(),operand=Constant(value=1.5))]),slice=Slice(lower=Name(id='x')))))],"
    "decorator_list=[Name(id='cache')],returns=Constant(value='str'))])"
)


def test_the_text_of_code_is_the_same_in_every_version_of_python():
    assert code_text(ast.parse(CODE)) == TEXT


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1", "x  =  (1)  # one", True),
        ("def f():\n    '''Words.'''", "def f():\n    '''Others.'''", True),
        ("x = 1", "x = 1.0", False),
        ("return_ = None", "return_ = 0", False),
        ("f(*x)", "f(**x)", False),
        ("x = '1'", "x = 1", False),
    ],
)
def test_only_what_runs_counts(one, other, same):
    assert (code_text(ast.parse(one)) == code_text(ast.parse(other))) is same
