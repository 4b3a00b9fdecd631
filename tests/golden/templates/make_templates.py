"""Renders many small templates with Jinja2, set up as transformers sets it up, into templates.json.

    python3 -m venv venv && venv/bin/pip install jinja2==3.1.6 && venv/bin/python make_templates.py

Each case is {"template", "expected"}, or {"template", "error"} where Jinja2 raises one. All share one context.
"""

import copy
import datetime
import json
import os
import re

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2025, 7, 10, 12, 0, 0)


class GenerationTag(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


class TemplateDict:  # as transformers has it since 5.2: nothing but these two can be reached
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)

    def fromkeys(self, *args, **kwargs):
        return dict.fromkeys(*args, **kwargs)


class TemplateNamespace(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        self, attributes = args[0], dict(*args[1:], **kwargs)
        for name in attributes:
            TemplateNamespace.check(name)
        jinja2.utils.Namespace.__init__(self, attributes)

    def __setitem__(self, name, value):
        TemplateNamespace.check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError("underscore-prefixed attribute on a namespace")


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, jinja2.ext.loopcontrols]
    )

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["dict"] = TemplateDict()
    env.globals["namespace"] = TemplateNamespace
    env.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return env


CONTEXT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  What is 2 + 2?\n"},
        {"role": "assistant", "content": "<think>\nadd\n</think>\n\n4", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.5, "y": None}}}]},
        {"role": "user", "content": [{"type": "text", "text": "two"}, {"type": "image"}]},
    ],
    "numbers": [3, 1, 2, -7, 10, 2],
    "reals": [0.1, 1.0, 1e16, 1e-5, 123456.789, -0.0, 1e100, 2.5],
    "words": ["pear", "Apple", "fig", "apple", "Zoo"],
    "people": [{"name": "Bo", "age": 3, "at": {"city": "Rome"}}, {"name": "al", "age": 5, "at": {"city": "Oslo"}}, {"name": "Cy", "age": 3}],
    "table": {"b": 1, "a": [1, 2, {"c": None}], "items": "not a method", "é": "ü", "Z": True},
    "text": "Hello, World! It's a \"test\".",
    "lines": "one\n  two\n\nthree\r\nfour",
    "wide": "Grüße, 世界 😀 ﬁn ΟΔΟΣ",
    "markup": "<b>&'\"",
    "empty": [],
    "nothing": None,
    "yes": True,
    "no": False,
    "count": 3,
    "bos_token": "<s>",
    "add_generation_prompt": True,
    "loose": "a\\b\tc\x01\x7f",
}

EXPRESSIONS = r"""
1 + 2 * 3 - 4
(1 + 2) * 3
7 // 2
-7 // 2
7 // -2
7 % 3
-7 % 3
7 % -3
7 / 2
6 / 2
2 ** 10
2 ** -1
2 ** 3 ** 2
-2 ** 2
7.5 // 2
-7.5 // 2
-7.5 % 2
7.5 % -2
1e3
1_000 + 0x1f + 0b101 + 0o17
1.5e-3
0.1 + 0.2
1 / 3
1 // 0
1 / 0
1 % 0
1.0 % 0
0 ** -1
true + true
true * 3
"a" + "b"
"a" ~ 1 ~ none ~ true ~ 1.0
"a" * 3
3 * "ab"
"a" * -1
[1] + [2, 3]
[1, 2] * 2
(1,) + (2,)
[1] + (2,)
"a" + 1
1 + "a"
none + 1
"a" - "b"
-"a"
-true
+true
+1.5
not 1
not ""
not not none
1 and 0
0 or "x"
"" or none
none and missing
missing or 3
1 < 2
1 < 2 < 3
1 < 3 < 2
1 == 1.0
1 == true
"1" == 1
[1, 2] == [1, 2]
[1, 2] == (1, 2)
{"a": 1} == {"a": 1.0}
{"a": 1} != {"a": 2}
none == none
missing == missing
missing == none
"a" < "b"
"B" < "a"
[1, 2] < [1, 3]
(1, 2) < (1, 2, 0)
1 < "a"
none < 1
[1] < (1,)
1 in [1, 2]
1 in (2, 3)
"a" in "cat"
"" in "cat"
1 in "cat"
"a" in {"a": 1}
1 not in [1, 2]
not 1 in [1, 2]
1 in 2
missing in [1]
1 in missing
"x" in nothing
[1] in [[1]]
1 if yes
1 if no
1 if no else 2
1 if no else 2 if no else 3
(1 if no) is defined
[1, 2, 3][0]
[1, 2, 3][-1]
[1, 2, 3][5]
[1, 2, 3]["a"]
[1, 2, 3][1:]
[1, 2, 3][:-1]
[1, 2, 3][::-1]
[1, 2, 3, 4, 5][1:4:2]
[1, 2, 3, 4, 5][4:1:-1]
[1, 2, 3][10:]
[1, 2, 3][::0]
(1, 2, 3)[1:]
"hello"[1]
"hello"[-1]
"hello"[1:3]
"hello"[::-1]
"hello"[:100]
"hello"[10]
wide[1:4]
wide[-3]
wide[::-1]
wide[::2]
wide | length
table["a"]
table["items"]
table.items
table.items is callable
table.b
table.a[2].c
table.nothing
table.nothing.more
table["nothing"]
table[1]
table[[1]]
table[1:2]
nothing.x
nothing["x"]
nothing.x.y
missing
missing.x
missing["x"]
missing[1:]
missing()
missing + 1
missing | length
missing | upper
messages[0].role
messages[0]["content"]
messages[-1].content[0].text
messages[2].tool_calls[0].function.arguments.x
text.upper()
text.lower()
text.title()
"they're bill's friends".title()
text.capitalize()
text.swapcase()
"ß".upper() ~ "İ".lower() ~ "ﬁ".upper() ~ "ﬁ".title() ~ "ŉ".upper()
wide.upper()
wide.lower()
wide.title()
wide.casefold()
wide.swapcase()
"ὈΔΥΣΣΕΎΣ".lower()
"  x ".strip() ~ "|" ~ "  x ".lstrip() ~ "|" ~ "  x ".rstrip() ~ "|"
"xxaxx".strip("x")
"abcba".strip("ab")
"äöä".strip("ä")
"\x1c\u3000 a\x85".strip()
"a,b,,c".split(",")
"a,b,,c".split(",", 1)
"a,b,,c".rsplit(",", 1)
"a,b,,c".split(",", maxsplit=2)
" a  b c ".split()
" a  b c ".split(none, 1)
" a  b c ".rsplit(none, 1)
" a  b c ".rsplit()
"".split()
"".split(",")
"aaa".split("aa")
"aaa".rsplit("aa")
"a".split("")
lines.splitlines()
lines.splitlines(true)
"a\x0bb\x0cc\x1cd\x1de\x85f\u2028g\r\n".splitlines()
"".splitlines()
"a-b-c".partition("-")
"a-b-c".rpartition("-")
"abc".partition("-")
"abc".rpartition("-")
"hello".replace("l", "L")
"hello".replace("l", "L", 1)
"hello".replace("", "-")
"hello".replace("", "-", 2)
"hello".replace("l", "")
"hello".startswith("he")
"hello".startswith(("x", "he"))
"hello".startswith(["he"])
"hello".startswith("l", 2)
"hello".endswith("lo")
"hello".endswith("lo", 0, 4)
"hello".endswith("")
"hello".startswith("", 9)
"hello".find("l")
"hello".find("l", 3)
"hello".find("z")
"hello".rfind("l")
"hello".index("l")
"hello".index("z")
"hello".rindex("l", 0, 3)
"hello".count("l")
"hello".count("")
"aaaa".count("aa")
wide.find("界")
wide.index("😀")
"a".join(["x", "y"])
", ".join(words)
", ".join([1])
"-".join("abc")
"".join([])
"7".zfill(3)
"-7".zfill(4)
"+".zfill(3)
"a".center(5) ~ "|"
"ab".center(5, "*")
"abc".center(6, "*")
"abc".ljust(5, ".")
"abc".rjust(5)
"abc".center(2)
"a\tb".expandtabs()
"a\tb".expandtabs(3)
"12".isdigit()
"²".isdigit()
"²".isdecimal()
"½".isnumeric()
"a1".isalnum()
"a1".isalpha()
"é".isalpha()
"".isalpha()
" \t".isspace()
"ABC".isupper()
"A1".isupper()
"1".isupper()
"abc".islower()
"Hello World".istitle()
"Hello world".istitle()
"abc".isidentifier()
"1a".isidentifier()
"abc".isascii()
"é".isascii()
"a\x00".isprintable()
"prefix-x".removeprefix("prefix-")
"x.txt".removesuffix(".txt")
"x".removesuffix("")
"{} and {}".format(1, "b")
"{0} {1} {0}".format("a", "b")
"{x} {y!r}".format(x=1, y="q")
"{:>5}|{:<5}|{:^5}".format("a", "b", "c")
"{:05d} {:+d} {:x} {:#x} {:b} {:o}".format(42, 42, 255, 255, 5, 8)
"{:.2f} {:e} {:g} {:%}".format(3.14159, 12345.678, 0.00001, 0.25)
"{:,} {:_}".format(1234567, 1234567)
"{:010.3f}".format(3.14159)
"{:*^9}".format("x")
"{:é>4}".format("x")
"{a[0]} {b.x}".format(a=[7], b={"x": 8})
"{a[x]}".format(a={"x": 8})
"{{}}".format()
"{}".format()
"{} {0}".format(1, 2)
"{".format(1)
"}".format(1)
"{:d}".format("a")
"{:s}".format("a")
"{:.3}".format("abcdef")
"{:{}}".format("a", 4) ~ "|"
"{!r:>6}".format("a")
"{}".format(none)
"{}".format([1, "a"])
"{:5}".format(true)
"{:>5}".format(1.5)
"{x.__class__}".format(x=1)
"{x}".format_map({"x": 3})
"%s %s" % ("a", 1)
"%s" % "a"
"%s" % [1, 2]
"%d %i %5d|%-5d|%05d" % (1, 2, 3, 4, 5)
"%.2f %e %g %G" % (3.14159, 12345.678, 0.0001, 1e20)
"%x %X %o %#x" % (255, 255, 8, 255)
"%r %a" % ("a", "b")
"%c%c" % ("a", 66)
"%%" % ()
"%(a)s %(b)d" % {"a": 1, "b": 2}
"%+d % d" % (1, 2)
"%*d" % (5, 42)
"%.3s" % "abcdef"
"%s" % ()
"%s" % (1, 2)
"%d" % "a"
"%d" % 3.7
"%q" % 1
"%" % 1
"%s" % missing
"a" % 1
"a" % []
"a" % {}
[1, 2, 1].count(1)
[1, 2, 1].index(2)
[1, 2, 1].index(5)
[1, 2].append(3)
[1, 2].append
[1, 2].append is defined
[1, 2].copy()
(1, 2).count(2)
(1, 2).copy
{"a": 1}.get("a")
{"a": 1}.get("b")
{"a": 1}.get("b", 2)
{"a": 1}.get([1])
{"a": 1}.keys()
{"a": 1}.values()
{"a": 1}.items()
{"a": 1}.items() | list
{"a": 1}.keys() | list
{"a": 1}.update({"b": 2})
{"a": 1}.pop("a")
{"a": 1}.copy()
{"a": 1}.fromkeys([1, 2], 0)
{1: "a", 1.0: "b", true: "c"}
{"a": 1, "a": 2}
{[1]: 2}
{(1, 2): 3}[(1, 2)]
{"x": 1}.x.real
(5).bit_length()
(5.0).is_integer()
"a".__class__
"a".__class__.__mro__
[].__class__
table.__class__
table["__class__"]
"a"["upper"]()
"a".nope
"a".nope()
"abc" | upper
"ABC" | lower
"hello world-foo (bar)" | title
"hELLO" | capitalize
5 | string
none | string
[1, "a", none] | string
"  a " | trim
"xax" | trim("x")
"a<b" | e
"a<b" | escape | escape
"a<b" | forceescape
("a<b" | e) + "<"
"<" + ("a" | safe)
("<" | safe) ~ "<"
("%s" | safe) % "<"
("a" | safe) is escaped
("a,b" | safe).split(",")
markup | e
"hello" | replace("l", "L")
"hello" | replace("l", "L", 1)
12 | replace(1, 2)
"hello" | replace("l")
"hello" | center(11) ~ "|"
words | join
words | join(", ")
numbers | join("-")
people | join(", ", attribute="name")
[1, [2, 3], none] | join("|")
"abc" | join("-")
missing | join("-")
5 | join
"%s=%s" | format("a", 1)
"%(x)s" | format(x=3)
"a\nb\n\nc" | indent
"a\nb\n\nc" | indent(2, true)
"a\nb\n\nc" | indent(2, blank=true)
"a\nb" | indent("> ")
"a\nb\n" | indent(2) ~ "|"
"" | indent ~ "|"
5 | indent
"foo bar baz qux" | truncate(9)
"foo bar baz qux" | truncate(9, true)
"foo bar baz qux" | truncate(11)
"foo bar baz qux" | truncate(11, false, "...", 0)
"foo bar" | truncate(1)
"a b/c&d=é" | urlencode
{"a b": "c&", "d": 1} | urlencode
[["a", "b/"]] | urlencode
{"a": "<", "b": none, "c": 1} | xmlattr
{"a": 1} | xmlattr(false)
{"a b": 1} | xmlattr
"5" | int
"5.7" | int
"abc" | int
"abc" | int(7)
"0x1f" | int(base=16)
"0x1f" | int(0, 0)
"1_000" | int
" 12 " | int
"-12" | int
"z" | int(0, 36)
5.9 | int
-5.9 | int
none | int
none | int(3)
[] | int
true | int
"1e3" | int
missing | int
"1.5" | float
"abc" | float
"abc" | float(2.5)
"1e400" | float
"inf" | float
"nan" | float
" 1_0.5 " | float
5 | float
none | float
-5 | abs
-5.5 | abs
true | abs
"a" | abs
42.55 | round
42.55 | round(1)
42.55 | round(1, "floor")
42.55 | round(1, "ceil")
42.5 | round
43.5 | round
2.675 | round(2)
1234.5 | round(-2)
42 | round
1250 | round(-2)
42 | round(1, "ceil")
42.4 | round(0, "floor")
42 | round(0, "nope")
"a" | round
1 | filesizeformat
999 | filesizeformat
1000 | filesizeformat
123456789 | filesizeformat
123456789 | filesizeformat(true)
"abc" | list
table | list
numbers | list
5 | list
missing | list
numbers | length
text | length
table | count
5 | length
numbers | map("abs") | length
numbers | first
empty | first
"abc" | first
table | first
numbers | last
empty | last
"abc" | last
table | last
numbers | map("abs") | last
numbers | reverse | list
"abc" | reverse
"äbc" | reverse
table | reverse | list
5 | reverse
numbers | sort
numbers | sort(true)
numbers | sort(reverse=true)
words | sort
words | sort(case_sensitive=true)
words | sort(true, true)
people | sort(attribute="name") | map(attribute="name") | list
people | sort(attribute="age,name") | map(attribute="name") | list
people | sort(attribute="at.city")
[1, "a"] | sort
[none, 1] | sort
[[2, 1], [1, 2]] | sort
table | dictsort | list
{"b": 2, "A": 1, "c": 0} | dictsort
{"b": 2, "A": 1, "c": 0} | dictsort(true)
{"b": 2, "A": 1, "c": 0} | dictsort(false, "value")
{"b": 2, "A": 1, "c": 0} | dictsort(reverse=true)
{"b": 2} | dictsort(by="nope")
{1: 2, "a": 3} | dictsort
numbers | min
numbers | max
words | min
words | max(case_sensitive=true)
people | max(attribute="age")
empty | max
empty | max is defined
numbers | sum
people | sum(attribute="age")
people | sum("age", 10)
words | sum
[[1], [2]] | sum(start=[])
people | groupby("age")
people | groupby("at.city", default="?")
people | groupby("name") | map(attribute="grouper") | list
words | groupby(0)
people | groupby("age") | map("first") | list
people | map(attribute="name") | list
people | map(attribute="at.city") | list
people | map(attribute="at.city", default="-") | list
people | map(attribute="at") | map(attribute="city", default="-") | list
words | map("upper") | list
words | map("replace", "a", "b") | join(",")
words | map("nope") | list
words | map | list
words | map(attribute="x", nope=1) | list
[[1, 2], [3]] | map("sum") | list
[[1, 2], [3]] | map("join", "-") | list
numbers | select("odd") | list
numbers | select("gt", 2) | list
numbers | select(">", 2) | list
numbers | select("divisibleby", 5) | list
numbers | reject("odd") | list
numbers | select | list
[0, 1, "", "a", none] | select | list
[0, 1, "", "a", none] | reject | list
people | selectattr("age", "equalto", 3) | map(attribute="name") | list
people | selectattr("at") | list | length
people | selectattr("at", "defined") | list | length
people | rejectattr("at") | list | length
people | rejectattr("age", "eq", 3) | list
people | selectattr("at.city", "==", "Rome") | list | length
people | selectattr | list
numbers | select("nope") | list
(numbers | select("odd")) is defined
(empty | select) | list
words | unique | list
words | unique(case_sensitive=true) | list
people | unique(attribute="age") | map(attribute="name") | list
[1, 1.0, true, "1"] | unique | list
[[1], [1]] | unique | list
table | items | list
missing | items | list
5 | items
numbers | batch(4) | list
numbers | batch(4, "x") | list
numbers | slice(4) | list
numbers | slice(4, "x") | list
missing | default("d")
missing | d("d")
"" | default("d")
"" | default("d", true)
none | default("d")
none | default("d", true)
missing | default
missing.x | default("d")
table | attr("b")
table | attr("get") is callable
table | attr("nope") is defined
"a" | attr("upper") is callable
1 is odd
1 is even
10 is divisibleby 5
10 is divisibleby(3)
x is defined
text is defined
text is not defined
x is undefined
none is none
nothing is none
missing is none
yes is boolean
yes is true
no is false
1 is true
1 is integer
true is integer
1.0 is integer
1.0 is float
1 is float
1 is number
true is number
"a" is number
"abc" is lower
"Abc" is lower
"ABC" is upper
"a" is string
1 is string
table is mapping
numbers is mapping
numbers is sequence
"a" is sequence
table is sequence
5 is sequence
missing is sequence
range(3) is sequence
table.keys() is sequence
numbers is iterable
5 is iterable
missing is iterable
(numbers | map("abs")) is iterable
range is callable
text is callable
missing is callable
table.get is callable
none is sameas none
true is sameas true
1 is sameas true
numbers is sameas numbers
1 is in [1, 2]
3 is not in [1, 2]
"a" is in "abc"
1 is in 5
1 is eq 1
1 is equalto(1.0)
1 is ne 2
2 is gt 1
2 is ge 2
1 is lt 2
1 is le 1
2 is greaterthan 1
"upper" is filter
"nope" is filter
"odd" is test
"nope" is test
1 is nope
1 | nope
1 is defined is true
"a" is odd
1.0 is odd
table | tojson
table | tojson(indent=2)
table | tojson(true)
table | tojson(ensure_ascii=true)
table | tojson(separators=(",", ":"))
table | tojson(indent=2, separators=(", ", " = "))
table | tojson(sort_keys=true)
table | tojson(false, 4, none, true)
table | tojson(indent="--")
table | tojson(indent=0)
table | tojson(indent=-3)
messages | tojson
reals | tojson
wide | tojson
wide | tojson(ensure_ascii=true)
loose | tojson
"</script>'" | tojson
[] | tojson(indent=2)
{} | tojson(indent=2)
[[], {}, [1]] | tojson(indent=1)
(1, 2) | tojson
{1: 2, none: 3, true: 4, 1.5: 5} | tojson
{(1, 2): 3} | tojson
missing | tojson
[missing] | tojson
range(3) | tojson
(numbers | map("abs")) | tojson
{"b": 1, 2: 3} | tojson(sort_keys=true)
"a" | tojson | safe
reals
numbers
words
people
table
loose
[loose]
["it's", "\"", "'\""]
[wide, "\u200b\xa0\xad\ue000"]
[1, 1.0, true, none, "a", (1,), (), [], {}]
[missing]
{"a": missing}
(1,)
()
[("a" | safe)]
true
none
1.0
1e15
1e16
123456789012345680.0
1e-4
1e-5
-0.0
1e22
5e-324
1.7976931348623157e308
0.1
100
9223372036854775807
-9223372036854775807 - 1
range(5)
range(1, 10, 3)
range(1, 10, 3) | list
range(5, 0, -2) | list
range(3)[1]
range(10)[2:5] | list
range(3) == range(0, 3)
range(3) | length
range(0) | list
range(1, 2, 0)
range(100001) | length
range(100000) | length
range("a")
2 in range(3)
dict(a=1, b=2)
dict({"a": 1}, b=2)
dict([("a", 1)])
dict(a=1).a
namespace(a=1).a
namespace({"a": 1}).a
namespace(a=1).b
namespace(a=1)
namespace(a=1)["a"]
joiner(", ")
lipsum is callable
strftime_now("%Y-%m-%d")
strftime_now("%d %b %Y, %H:%M:%S %p %A %B %j %y %%")
raise_exception("no")
'single' "joined" 'texts'
'\n\t\\\'\"\x41\u00e9\U0001F600\101'
"\q\é"
"a
b"
[1, 2,]
{"a": 1,}
(1, 2,)
1, 2
1,
[1 2]
{"a" 1}
foo(
1 +
"unclosed
[1
1]
a b
1 2
{{}}
loop
caller
true.real
none.real
1.5.real
messages | map(attribute="role") | join(",")
messages | selectattr("role", "equalto", "user") | list | length
messages | selectattr("content", "string") | map(attribute="content") | map("trim") | list
(messages | last).content | map(attribute="type") | list
messages[1:] | map(attribute="role") | list
messages[::-1] | map(attribute="role") | list
messages[2].content.split("</think>")[-1].lstrip("\n")
messages[2].content.split("</think>")[0].rstrip("\n").split("<think>")[-1]
"a" if messages[0].role == "system" else "b"
text.split(" ")[0] | upper | replace("H", "J")
(text | length) - 1
count + 1 == 4 and not no
numbers[count - 1]
numbers[count:][0]
numbers["0"]
numbers[1.0]
numbers[true]
numbers.0
people.0.name
"a".upper().lower().title()
"x".join
"%s" | format
[] is sameas []
() is sameas ()
numbers.index(10)
text.format
table.get("b") + table.get("q", 5)
table | length > 3
"b" in table and table.b == 1
(1, 2) in {(1, 2): 3}
"abc" | sort
"abc" | max
"cab" | sort(reverse=true) | join
{"b": 1, "a": 2} | sort
{"b": 1, "a": 2} | join(",")
{"b": 1}.items() | first
{"b": 1}.items() | map("first") | list
{"b": 1}.items() | sort
{"b": 1}.keys() | first
[3, 1] | sort | first
1 ~ 2 + 3
"a" ~ "b" | upper
("a" ~ "b") | upper
-1 | abs
-5.5 | int
2 * 3 | string
[1, 2] | string | length
10 | string | int + 1
not yes == no
1 == 1 == true
"a" in ["a"] == true
1 if 0 else 2 + 3
none ~ ""
5 .x
"x" | string | escape
"é" | upper
"İ" | lower | length
"Dž" | title
"a b" | title
"one two, three-four" | wordcount
numbers | sort("yes")
missing | last is defined
missing | reverse | list
numbers | truncate(9)
"5" | int(7, 1)
"a" % missing
[1] is filter
5 | unique is defined
("ab" | safe) | list
(5 | batch(2)) is iterable
5 | batch(2) | list
"" | title
"x" * 5 | length
2 ** 100
10 ** 30 | float
(10 ** 30) | filesizeformat
"%d" % 10 ** 25
"{:,}".format(10 ** 25)
2 ** 64 == 18446744073709551616.0
2 ** 53 + 1 == 9007199254740993.0
{2 ** 70: 1}[1180591620717411303424.0]
(2 ** 70) | tojson
[2 ** 70] | sum
1e300 | int
"123456789012345678901234567890" | int + 1
12345678901234567890123 - 1
(2 ** 70) // 3
-(2 ** 70) // 3
-(2 ** 70) % 7
2 ** 70 / 3
3 / 2 ** 70
9007199254740993 / 1
1 / 10 ** 320
3 / 2 ** 1074
(2 ** 70) | round(-5)
35 | round(-1)
-9223372036854775808 // -1
-9223372036854775807 - 2
"%x %o %X" % (2 ** 70, 2 ** 70, 2 ** 70)
"a" * 2 ** 70
"abc"[: 2 ** 70]
(2 ** 70).bit_length()
(2 ** 70).real
2 ** 70 is odd
2 ** 70 is integer
2 ** 1024 * 1.0
10 ** 400 > 1e308
10 ** 5000
(7).numerator
(7).denominator
(7).conjugate()
(7).bit_count()
(2.5).as_integer_ratio()
(7).as_integer_ratio()
1e308.as_integer_ratio() | length
"x" | int("d", "b")
"ff" | int(base=16)
text.splitlines(empty)
"{}".format_map(2)
"x".format_map(2)
("a{}b{}" | safe).format(42, "<foo>")
("{:5}" | safe).format("<" | escape)
("a{x.foo}b{y}" | safe).format_map({"x": {"foo": 42}, "y": "<foo>"})
"%a" % wide
"{!a}".format(wide)
"," % range(4)
"abc".translate({97: "xy", 98: none, 99: 100})
"abc".translate("abc".maketrans("ab", "xy", "c"))
"<p>a <!-- <b> --> b</p> &lt;&amp;&#65;" | striptags
"a < b" | striptags
text | wordwrap(10)
"one two-three four--five supercalifragilistic" | wordwrap(9)
"one two-three four--five supercalifragilistic" | wordwrap(9, false)
"one two-three four--five supercalifragilistic" | wordwrap(9, break_on_hyphens=false, wrapstring="|")
"x-1-ab foo-bar-baz" | wordwrap(8)
text | pprint
people | pprint
table | pprint
{"text": text * 5, "more": (lines,)} | pprint
(text * 4) | pprint
["x" * 30, "y" * 30, "z" * 30] | pprint
[text] | random
empty | random
namespace(_a=1)
"ΑΣ ΣΑ. Σ'".lower()
"a b  c ".rsplit(none, 1)
""".strip("\n")

TEMPLATES = [
    "{% block foo %}<Test>{% endblock %}{{ self.foo() }}",
    "{% if false %}{% block x %}A{{ text }}{% endblock %}{% endif %}{{ self.x() }}{{ self.y is defined }}{{ self }}",
    "{% for i in [1] %}{% block b scoped required %} {% endblock %}{% endfor %}",
    "{% block b required %}text{% endblock %}",
    "{% macro m() %}{{ caller.name }}|{{ caller }}{% endmacro %}{% call m() %}{% endcall %}{{ m }}",
    "{% filter length %}abc{% endfilter %}",
    "{% call dict() %}{% endcall %}",
    "{% set x | length %}abc{% endset %}{{ x + 1 }}",
    "{% set ns = namespace() %}{% set ns._a = 1 %}",
    "Hello\n",
    "Hello\n\n",
    "a\r\nb\rc\n",
    "{% if yes %}\nA\n{% endif %}\nB",
    "  {% if yes %}\n  A\n  {% endif %}\n  B",
    "  {%- if yes -%}\n  A\n  {%- endif -%}\n  B",
    "  {%+ if yes +%}\n  A\n  {%+ endif +%}\n  B",
    "x  {{- 1 -}}  y  {{ 2 }}\n  z",
    "  {{ 1 }}\n  {{+ 2 }}",
    "{{-1}}|{{+1}}|{{ -1}}",
    "a {# comment #} b",
    "a\n  {# comment #}\nb",
    "a\n  {#- comment -#}  \nb",
    "a\n  {#+ comment +#}\nb",
    "{##}x{#-#}y",
    "{# {{ x }} {% if %} #}z",
    "{# open",
    "{% raw %}{{ x }} {% if %}{% endraw %}!",
    "a\n  {% raw %}\n {{ x }}\n  {% endraw %}\nb",
    "a  {%- raw -%}  {{ x }}  {%- endraw -%}  b",
    "{% raw %}",
    "{%- set x = 1 %}\n{{ x }}",
    "{% set x = 1 -%}\n\n {{ x }}",
    "\t {% set x = 1 %}\n\n {{ x }}",
    "x {% set x = 1 %} y",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = [1] %}",
    "{% set (a, b), c = (1, 2), 3 %}{{ a }}{{ b }}{{ c }}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set a = %}",
    "{% set 1 = 2 %}",
    "{% set true = 2 %}",
    "{% set a.b = 2 %}",
    "{% set ns = namespace(x=1) %}{% set ns.x = ns.x + 1 %}{% set ns.y = 'n' %}{{ ns.x }}{{ ns.y }}{{ ns.z }}",
    "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}{{ ns }}",
    "{% set ns = namespace(n=0) %}{% for x in numbers %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}",
    "{% set n = 0 %}{% for x in numbers %}{% set n = n + x %}{{ n }},{% endfor %}{{ n }}",
    "{% set x %}a{{ 1 }}b{% endset %}[{{ x }}]",
    "{% set x | upper %}a{{ 1 }}b{% endset %}[{{ x }}]",
    "{% set x | replace('a', 'c') | upper %}a{% endset %}[{{ x }}]",
    "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}",
    "{% set ns = namespace() %}{% set ns.t %}block{% endset %}{{ ns.t }}",
    "{% if no %}1{% elif count == 3 %}2{% else %}3{% endif %}",
    "{% if no %}1{% elif no %}2{% else %}3{% endif %}",
    "{% if yes: %}1{% endif %}",
    "{% if %}1{% endif %}",
    "{% if yes %}1",
    "{% endif %}",
    "{% nope %}",
    "{% if 1, 2 %}t{% endif %}",
    "{% if no %}{% set x = 1 %}{% endif %}{{ x is defined }}",
    "{% if yes %}{% set x = 1 %}{% endif %}{{ x }}",
    "{% if no %}{{ 1 | nope }}{% endif %}ok",
    "{% if yes %}{{ 1 | nope }}{% endif %}ok",
    "{{ (1 | nope) if no else 2 }}",
    "{% for x in empty %}{{ x | nope }}{% endfor %}ok",
    "{% if no %}{% for x in empty %}{{ x | nope }}{% endfor %}{% endif %}ok",
    "{% if no %}{{ 1 is nope }}{% endif %}ok",
    "{% for x in numbers %}{{ x }},{% endfor %}",
    "{% for x in empty %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in missing %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in 5 %}{% endfor %}",
    "{% for x in nothing %}{% endfor %}",
    "{% for c in 'äb' %}{{ c }}|{% endfor %}",
    "{% for k in table %}{{ k }}{% endfor %}",
    "{% for k, v in table.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in table | items %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for a, b in [[1, 2], (3, 4), 'xy'] %}{{ a }}{{ b }};{% endfor %}",
    "{% for a, b in [[1]] %}{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}",
    "{% for x in numbers %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }};{% endfor %}",
    "{% for x in numbers %}{{ loop.previtem }}<{{ x }}<{{ loop.nextitem }};{% endfor %}",
    "{% for x in numbers %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in numbers if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }};{% endfor %}",
    "{% for x in numbers if x > 100 %}{% else %}none{% endfor %}",
    "{% for x in numbers | map('abs') %}{{ loop.index }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% for x in numbers if loop.first %}{% endfor %}",
    "{% for x in numbers %}{% for y in [1, 2] %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}",
    "{% for x in numbers %}{% set outer = loop %}{% for y in [1, 2] %}{{ outer.index }}{{ loop.index }},{% endfor %}{% endfor %}",
    "{% for x in numbers %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in numbers %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in numbers %}{% continue %}{% else %}else{% endfor %}",
    "{% for x in numbers %}{% break %}{% else %}else{% endfor %}",
    "{% for x in [1, 2] %}{% if loop.last %}{% break %}{% endif %}{% else %}else{% endfor %}",
    "{% break %}",
    "{% for x in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in [1, 2] %}{% set y %}a{% break %}{% endset %}{{ y }}{% endfor %}ok",
    "{% for x in [1, 2] %}{% filter upper %}a{% continue %}{% endfilter %}{% endfor %}ok",
    "{% for x in [1, 2] %}{% for y in [1, 2] %}{% else %}{% break %}{% endfor %}{{ x }}{% endfor %}",
    "{% for loop in [1] %}{% endfor %}",
    "{% for x in [1] %}{% set loop = 1 %}{% endfor %}",
    "{% set loop = 1 %}{{ loop }}",
    "{% for x in [1] %}{{ loop }}{% endfor %}",
    "{{ loop is defined }}{% for x in [1] %}{% endfor %}{{ x is defined }}",
    "{% set x = 9 %}{% for x in [1, 2] %}{{ x }}{% endfor %}{{ x }}",
    "{% for x in [1, 2] %}{{ y is defined }}{% set y = x %}{% endfor %}",
    "{% for n in [{'v': 1, 'c': [{'v': 2, 'c': []}]}] recursive %}{{ n.v }}@{{ loop.depth }}({{ loop(n.c) }}){% endfor %}",
    "{% for n in [[1, [2]], 3] recursive %}{% if n is iterable %}[{{ loop(n) }}]{% else %}{{ n }}{% endif %}{% endfor %}",
    "{% for n in [1] %}{{ loop([2]) }}{% endfor %}",
    "{% set ns = namespace(stop=false) %}{% for x in numbers if not ns.stop %}{{ x }}{% if x == 2 %}{% set ns.stop = true %}{% endif %}{% endfor %}",
    "{% set g = numbers | map('abs') %}{{ g | list }}{{ g | list }}",
    "{% set g = numbers | map('abs') %}{% for x in g %}{{ x }}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}|{{ g | list }}",
    "{% if empty | select %}true{% else %}false{% endif %}",
    "{% if messages | selectattr('role', 'eq', 'nobody') %}true{% endif %}",
    "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=4, a=5) }}{{ m() }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(c=2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m(a, a) %}{% endmacro %}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(7) }}",
    "{% set b = 5 %}{% macro m(b=b) %}[{{ b }}]{% endmacro %}{{ m() }}{{ m(1) }}",
    "{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(4) }}",
    "{% macro m() %}{{ late }}{% endmacro %}{% set late = 1 %}{{ m() }}{% set late = 2 %}{{ m() }}",
    "{% macro m() %}{% set inner = 1 %}{% endmacro %}{{ m() }}{{ inner is defined }}",
    "{% macro m() %}{{ x }}{% endmacro %}{% for x in [1, 2] %}[{{ m() }}]{% endfor %}",
    "{% for x in [1, 2] %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}{{ m is defined }}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}body{% endcall %}",
    "{% macro m() %}{{ caller('a', 2) }}{% endmacro %}{% call(x, y) m() %}{{ x }}{{ y }}{% endcall %}",
    "{% macro m() %}none{% endmacro %}{% call m() %}body{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
    "{% macro m(caller=none) %}{{ caller() if caller else 'no' }}{% endmacro %}{{ m() }}{% call m() %}yes{% endcall %}",
    "{% macro m(n) %}{% for i in range(n) %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) m(3) %}<{{ i }}>{% endcall %}",
    "{% call 5 %}{% endcall %}",
    "{% macro m(a) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.caller }}{{ m }}",
    "{% macro m() %}  a\n{% endmacro %}[{{ m() }}]",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'a': 2}) }}{{ m(*'x', **{}) }}",
    "{{ dict(**{'a': 1}) }}{{ dict(a=1, **{'a': 2}) }}",
    "{{ dict(a=1, a=2) }}",
    "{% filter upper %}abc{{ 'd' }}{% endfilter %}",
    "{% filter replace('a', 'b') | upper %}abc{% endfilter %}",
    "{% filter nope %}{% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}",
    "{% block a %}x{{ yes }}{% endblock %}{% block b %}y{% endblock b %}",
    "{% block a %}{% endblock %}{% block a %}{% endblock %}",
    "{% set v = 1 %}{% block a %}{{ v }}{% set w = 2 %}{% endblock %}{{ w is defined }}",
    "{% for x in [1, 2] %}{% block a %}[{{ x }}]{% endblock %}{% endfor %}",
    "{% for x in [1, 2] %}{% block a scoped %}[{{ x }}]{% endblock %}{% endfor %}",
    "{% generation %}gen{% set z = 1 %}{% endgeneration %}{{ z is defined }}",
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}{% endfor %}",
    "{% for x in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% autoescape false %}{{ markup }}{% endautoescape %}",
    "{% print 1, 'a' %}",
    "{% include 'x' %}",
    "{% if no %}{% include 'x' %}{% endif %}ok",
    "{% extends 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% do 1 %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{{ c.reset() }}{{ c.next() }}",
    "{% set j = joiner() %}{% for x in numbers %}{{ j() }}{{ x }}{% endfor %}",
    "{% set range = 5 %}{{ range }}",
    "{{ bos_token }}{% for message in messages %}{{ message.role }}: {{ message.content if message.content is string else message.content | map(attribute='text') | select('defined') | join }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}",
    "{%- for message in messages %}\n    {%- if message.role == 'user' %}\n        {{- '[INST] ' + (message.content | string) | trim + ' [/INST]' }}\n    {%- endif %}\n{%- endfor %}\n",
    "{% for m in messages %}{{ m.tool_calls | tojson if m.tool_calls }}{% endfor %}",
    "{% for m in messages %}{{ m.get('tool_calls', []) | length }}{% endfor %}",
    "{% for m in messages %}{{ 'content' in m }}{{ m['x'] is defined }}{{ m.x }}{% endfor %}",
    "{% for m in messages %}{{ m.content[:5] }}|{% endfor %}",
    "{% for m in messages %}{{ m.content.strip() }}|{% endfor %}",
    "{% set sys = messages[0].content if messages[0].role == 'system' else none %}{{ sys }}{% set rest = messages[1:] if sys else messages %}{{ rest | length }}",
    "{{ raise_exception('Only user') if messages[0].role != 'user' }}",
    "{% set t = messages[2].content %}{% if '</think>' in t %}{% set t = t.split('</think>')[-1] | trim %}{% endif %}{{ t }}",
    "{{ '{{ x }}' }}{{ \"%}\" }}",
    "{{ {'a': {'b': 1}}.a.b }}{{ {'a': {}}}}",
    "{{ [1, 2, 3] | map('string') | join('\\n') }}",
    "{{ 1 }}{{ }}",
    "{{ 1 }",
    "{% if yes }x{% endif %}",
    "{{ 'a' 'b'",
    "{{ a.}}",
    "{{ a.1.2 }}",
    "{{ a|}}",
    "{{ f(a=1, 2) }}",
    "{{ f(*a, *b) }}",
    "{{ f(**a, b=1) }}",
    "{{ f(a b) }}",
    "{{ 0x }}",
    "{{ 1__0 }}",
    "{{ 08 }}",
    "{{ $ }}",
    "{{ a ? b : c }}",
    "{{ a && b }}",
    "{{ !a }}",
    "{{ a = 1 }}",
    "{{ 5 is }}",
    "{{ 5 is not }}",
    "{{ 5 | }}",
    "{{ [1,2][] }}",
    "{{ 'x' if }}",
    "{{ not }}",
    "{{ 'a' | upper() | lower }}",
    "{{ numbers | sort | first if numbers else 'none' }}",
    "{{ 'yes' if numbers is iterable and numbers is not string and numbers is not mapping else 'no' }}",
    "{% for x in numbers|sort|unique %}{{ x }}{{ ',' if not loop.last }}{% endfor %}",
    "{% for k, v in table|dictsort(false, 'key') %}{{ k }}{% endfor %}",
    "{% for g in people|groupby('age') %}{{ g.grouper }}:{{ g.list|length }};{% endfor %}",
    "{% for age, group in people|groupby('age') %}{{ age }}:{% for p in group %}{{ p.name }}{% endfor %};{% endfor %}",
    "{% for row in numbers|batch(2) %}{% for c in row %}{{ c }}{% endfor %}/{% endfor %}",
    "{% macro a(x) %}{% if x %}{{ b(x - 1) }}a{% endif %}{% endmacro %}{% macro b(x) %}{% if x %}{{ a(x - 1) }}b{% endif %}{% endmacro %}{{ a(5) }}",
    "{%- macro tools(list, depth=0) -%}{%- for t in list -%}{{ '  ' * depth }}{{ t.name }}\n{%- if t.sub is defined %}{{ tools(t.sub, depth + 1) }}{% endif -%}{%- endfor -%}{%- endmacro -%}{{ tools([{'name': 'x', 'sub': [{'name': 'y'}]}]) }}",
    "{{ namespace(a=[1]).a[0] }}{% set ns = namespace(a=[1]) %}{% set ns.a = ns.a + [2] %}{{ ns.a }}",
    "{{ ''.join(['a'] * 3) }}{{ 'ab' * 2 }}",
    "{{ messages | tojson(indent=2) }}",
    "{{ messages[2].tool_calls[0].function | tojson }}{{ messages[2].tool_calls[0].function.arguments }}",
    "{{ wide }}{{ loose }}{{ lines }}",
    "  \n  {{ 1 }}  \n  ",
    "{{ 1 }}\n",
    "{% if yes %}a{% endif %}\n\n{% if yes %}b{% endif %}\n",
    "\n\n{% if yes %}\n\na\n\n{% endif %}\n\n",
    "{% set x = {'a': 1, 'b': [1, 2]} %}{{ x.a }}{{ x['b'][1] }}{{ x }}",
    "{% set x = dict(a=1) %}{% set y = dict(x, b=2) %}{{ x }}{{ y }}",
    "{{ x.y is defined }}",
    "{{ table.x is defined }}{{ table.x.y is defined }}",
    "{{ (table.x).y }}",
    "{{ 'a' ~ missing ~ 'b' }}{{ 'x' if missing else 'y' }}{{ missing == '' }}",
    "{{ missing | default(nothing) }}{{ nothing | default('a') }}",
    "{% for i in range(3) %}{% for j in range(3) %}{% if j == 1 %}{% continue %}{% endif %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
]

def render(env, template):
    try:
        text = env.from_string(template).render(**copy.deepcopy(CONTEXT))  # some filters change lists in place
    except Exception as error:  # whatever Python raises is an error of the template
        return {"template": template, "error": f"{type(error).__name__}: {error}"[:200]}
    if re.search(r"0x[0-9a-f]{6,}|<(function|built-in|bound|generator|class)", text):
        return None  # an address: differs from run to run
    return {"template": template, "expected": text}


def main():
    env = environment()
    expressions = []
    for block in re.split(r"\n(?!b\"$)", EXPRESSIONS):
        expressions.append("{{ " + block + " }}")
    cases = [case for case in (render(env, template) for template in expressions + TEMPLATES) if case]
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "templates.json"), "w", encoding="utf-8") as file:
        versions = {"jinja2": jinja2.__version__, "now": NOW.isoformat()}
        file.write('{"made_with": ' + json.dumps(versions) + ',\n"context": ' + json.dumps(CONTEXT, ensure_ascii=True) + ',\n"cases": [\n')
        file.write(",\n".join(json.dumps(case, ensure_ascii=True) for case in cases))
        file.write("\n]}\n")
    print(len(cases), "cases,", sum("error" in case for case in cases), "of them errors")


if __name__ == "__main__":
    main()
