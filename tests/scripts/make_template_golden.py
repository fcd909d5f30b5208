#!/usr/bin/env python3
"""Writes what jinja2 makes of templates, in the environment that transformers builds for chat templates.

usage: make_template_golden.py [--seed N] [--generated N] [--out DIR]      needs jinja2 3.1; trl for the second file

jinja.jsonl   first line: the variables; then {"template", "text"} or {"template", "error"} (jinja2's message) a line
trl.jsonl     {"template": file name in trl's chat_templates, "source"} once each, then {"template", "conversation", "add_generation_prompt", "text" | "error"}
              (the templates are TRL's, Apache-2.0, copyright The HuggingFace Team)
"""
import argparse, copy, datetime, glob, importlib.util, json, os, random, re
import jinja2, jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

a = argparse.ArgumentParser(); a.add_argument("--seed", type=int, default=7); a.add_argument("--generated", type=int, default=600)
a.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "..", "src", "test", "resources", "template")); a = a.parse_args()
rnd = random.Random(a.seed)
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)

# jinja2 folds a slice of a constant number to undefined, where the same slice of a variable fails: the second is what counts
folded = jinja2.nodes.Getitem.as_const
def as_const(self, eval_ctx=None):
    if isinstance(self.arg, jinja2.nodes.Slice): raise jinja2.nodes.Impossible()
    return folded(self, eval_ctx)
jinja2.nodes.Getitem.as_const = as_const

class Generation(jinja2.ext.Extension):
    tags = {"generation"}
    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_keep"), [], [], body).set_lineno(line)
    def _keep(self, caller): return caller()

def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    def fail(message): raise jinja2.exceptions.TemplateError(message)
    env.globals["raise_exception"] = fail
    env.globals["strftime_now"] = lambda f: NOW.strftime(f)
    env.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    return env

ENVIRONMENT = environment()

def run(source, variables):
    try: return dict(text=ENVIRONMENT.from_string(source).render(**copy.deepcopy(variables)))
    except Exception as e: return dict(error=str(e))

VARIABLES = {
    "s": "Hello, World", "t": "  padded\t\n", "e": "", "u": "Größe ß ﬁ İ 日本 👋🏽 é", "lines": "one\ntwo\r\nthree\n\nfive", "q": "it's \"quoted\" \\ and\ttabbed\x00",
    "i": 7, "n": -3, "z": 0, "big": 123456789012345678901234567890, "f": 2.5, "g": -0.1, "h": 1e22, "k": 1e-7, "yes": True, "no": False, "nothing": None,
    "l": [3, 1, 2], "m": ["b", "A", "c", "a"], "x": [], "mixed": [1, "two", None, True, 2.5, [1, [2]], {"k": "v"}],
    "d": {"b": 1, "A": 2, "c": [1, 2], "items": "entry", "nested": {"deep": {"er": "found"}}}, "o": {},
    "people": [{"name": "Bob", "age": 25, "city": "Rome"}, {"name": "alice", "age": 30}, {"name": "Carl", "age": 25, "city": "Oslo"}],
    "html": "<b class='x'>&amp;</b>"}

HAND = r"""
{{ s }}|{{ s.upper() }}|{{ s|lower }}|{{ s[0] }}|{{ s[-1] }}|{{ s[1:4] }}|{{ s[::-1] }}|{{ s[::2] }}|{{ s[10:2:-3] }}|{{ s[5:2] }}
{{ u.upper() }}|{{ u.lower() }}|{{ u|capitalize }}|{{ u.title() }}|{{ u|title }}|{{ u.swapcase() }}|{{ u|length }}|{{ u[14:16] }}|{{ u[::-1] }}
{{ t.strip() }}|{{ t|trim }}|{{ t.lstrip() }}|{{ t.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xyaxy'|trim('xy') }}
{{ s.split(',') }}|{{ s.split() }}|{{ ' a  b c '.split() }}|{{ 'a,b,c'.split(',', 1) }}|{{ 'a,b,c'.rsplit(',', 1) }}|{{ ' a b  c '.split(None, 1) }}|{{ ' a b  c '.rsplit(None, 1) }}|{{ ''.split() }}|{{ ''.split(',') }}|{{ 'aaaa'.rsplit('aa') }}|{{ 'aaa'.rsplit('aa') }}
{{ lines.splitlines() }}|{{ lines.splitlines(true) }}|{{ 'a-b-c'.partition('-') }}|{{ 'a-b-c'.rpartition('-') }}|{{ 'abc'.partition('x') }}|{{ 'abc'.rpartition('x') }}
{{ 'a-b'.replace('-', '+') }}|{{ 'aaa'.replace('a', 'b', 2) }}|{{ 'abc'.replace('', '.') }}|{{ 'abc'|replace('', '.', 2) }}|{{ s|replace('l', 'L', 1) }}|{{ 12|replace(1, 3) }}|{{ ''.replace('', 'x') }}
{{ s.startswith('He') }}|{{ s.endswith(('x', 'ld')) }}|{{ s.startswith('e', 1) }}|{{ s.find('o') }}|{{ s.rfind('o') }}|{{ s.find('zz') }}|{{ s.index('W') }}|{{ s.count('l') }}|{{ s.count('') }}|{{ s.find('l', 4) }}|{{ s.find('l', 3, 5) }}|{{ u.find('本') }}
{{ 'abc'.center(8) }}|{{ 'abc'.center(9, '*') }}|{{ 'abcd'.center(9, '*') }}|{{ 'ab'|center(7) }}|{{ 'abc'.ljust(5, '.') }}|{{ 'abc'.rjust(5) }}|{{ '-42'.zfill(6) }}|{{ 'x'.zfill(3) }}|{{ 'a\tb'.expandtabs(4) }}
{{ 'abc'.isalpha() }}|{{ 'ab1'.isalnum() }}|{{ '12'.isdigit() }}|{{ '½'.isnumeric() }}|{{ '²'.isdigit() }}|{{ '²'.isdecimal() }}|{{ ' \t'.isspace() }}|{{ ''.isspace() }}|{{ 'ABC'.isupper() }}|{{ 'aB'.islower() }}|{{ 'Ab Cd'.istitle() }}|{{ 'a_1'.isidentifier() }}|{{ '1a'.isidentifier() }}|{{ 'é'.isascii() }}
{{ 'prefix-x'.removeprefix('prefix-') }}|{{ 'x.py'.removesuffix('.py') }}|{{ 'x'.removesuffix('') }}|{{ ', '.join(['a', 'b']) }}|{{ 'Straße'.casefold() }}|{{ 'hello wORLD'.capitalize() }}|{{ "they're bill's".title() }}|{{ "they're bill's (x-y)"|title }}
{{ q }}|{{ [q] }}|{{ q|tojson }}|{{ [q, s]|tojson }}|{{ u|tojson }}|{{ u|tojson(ensure_ascii=true) }}|{{ ['\u200b\x7f\xa0', "'", '"', '\'"'] }}
{{ d|tojson }}|{{ d|tojson(indent=2) }}|{{ mixed|tojson(indent=1) }}|{{ d|tojson(sort_keys=true) }}|{{ mixed|tojson(separators=(',', ':')) }}|{{ x|tojson(indent=2) }}{{ o|tojson(indent=2) }}|{{ {1: 2, none: 3, true: 4, 2.5: 1}|tojson }}|{{ d|tojson(indent='--') }}
{{ f|tojson }} {{ h|tojson }} {{ k|tojson }} {{ big|tojson }} {{ yes|tojson }} {{ nothing|tojson }} {{ (1, 2)|tojson }} {{ 1e400|tojson }}
{{ i + n }}|{{ i - n }}|{{ i * n }}|{{ i / n }}|{{ i // n }}|{{ i % n }}|{{ i ** 3 }}|{{ 2 ** -1 }}|{{ n // 2 }}|{{ n % 2 }}|{{ -7 // 2 }}|{{ -7 % 3 }}|{{ 7 % -3 }}|{{ 2 ** 100 }}|{{ -2 ** 2 }}|{{ 2 ** 3 ** 2 }}
{{ f + 1 }}|{{ f * 2 }}|{{ f // 1 }}|{{ f % 1 }}|{{ g % 1 }}|{{ g // 1 }}|{{ 1 / 3 }}|{{ 10 / 5 }}|{{ 0.1 + 0.2 }}|{{ 1e16 }}|{{ 123456789.123 }}|{{ 1e15 }}|{{ 1e-5 }}|{{ 0.0001 }}|{{ 5e-324 }}|{{ 1.0 }}|{{ -0.0 }}|{{ 2.50 }}|{{ 100000000000000000000.0 }}
{{ h }}|{{ k }}|{{ big }}|{{ big + 1 }}|{{ big // 7 }}|{{ big % 7 }}|{{ big * 1.0 }}|{{ yes + 1 }}|{{ yes * 3 }}|{{ -yes }}|{{ +f }}|{{ - - 3 }}
{{ 'a' * 3 }}|{{ 3 * 'ab' }}|{{ [1] * 2 }}|{{ 'a' + 'b' }}|{{ [1] + [2] }}|{{ (1,) + (2,) }}|{{ 'a' ~ 1 ~ none ~ 2.0 ~ true }}|{{ 'x' * -1 }}|{{ 'a' 'b' "c" }}
{{ 1 < 2 < 3 }}|{{ 1 < 2 > 3 }}|{{ 1 == 1.0 }}|{{ true == 1 }}|{{ 'a' < 'b' }}|{{ 'Z' < 'a' }}|{{ [1, 2] < [1, 3] }}|{{ [1] == (1,) }}|{{ none == none }}|{{ missing == none }}|{{ missing == other }}|{{ 'a' != 'b' }}|{{ 1 != 1 }}|{{ {'a': 1} == {'a': 1.0} }}|{{ 2 >= 2 }}|{{ 'é' > 'z' }}
{{ 'a' in 'abc' }}|{{ 'x' not in 'abc' }}|{{ 1 in l }}|{{ '1' in l }}|{{ 'b' in d }}|{{ 1 in d }}|{{ not 1 in l }}|{{ 1 in (1, 2) }}|{{ 'x' in missing }}|{{ none in [none] }}
{{ yes and no }}|{{ yes or no }}|{{ e or 'default' }}|{{ 0 or none }}|{{ 'a' and 'b' }}|{{ not e }}|{{ not not 1 }}|{{ missing or 'm' }}|{{ 1 if yes }}|{{ 1 if no }}|{{ 1 if no else 2 if yes else 3 }}|{{ 'a' if 1 == 2 else 'b' }}
{{ missing }}|{{ missing is defined }}|{{ d.missing }}|{{ d['missing'] is undefined }}|{{ d.b }}|{{ d['b'] }}|{{ d.get('b') }}|{{ d.get('zz') }}|{{ d.get('zz', 5) }}|{{ d['items'] }}|{{ d.nested.deep.er }}|{{ l[5] is defined }}|{{ l.5 is defined }}|{{ l.0 }}|{{ s.zz }}
{{ d.items()|list }}|{{ d.keys()|list }}|{{ d.values()|list }}|{{ d|list }}|{{ d|length }}|{{ d.items() }}|{{ d.keys() }}|{{ d|items|list }}|{{ missing|items|list }}
{{ d|dictsort }}|{{ d|dictsort(true) }}|{{ {'b': 1, 'a': 3, 'C': 2}|dictsort(false, 'value') }}|{{ {'b': 1, 'a': 3, 'C': 2}|dictsort(reverse=true) }}|{{ d.copy() == d }}
{{ l|sort }}|{{ l|sort(reverse=true) }}|{{ m|sort }}|{{ m|sort(case_sensitive=true) }}|{{ people|sort(attribute='age')|map(attribute='name')|list }}|{{ people|sort(attribute='age,name')|map(attribute='name')|list }}|{{ l|reverse|list }}|{{ 'abc'|reverse }}|{{ l|first }}|{{ l|last }}|{{ s|first }}|{{ s|last }}|{{ x|first }}|{{ l|min }}|{{ l|max }}|{{ m|min }}|{{ m|max }}|{{ x|max }}|{{ l|sum }}|{{ people|sum(attribute='age') }}|{{ people|max(attribute='age') }}|{{ [1.5, 2]|sum(start=10) }}
{{ l|join }}|{{ l|join(', ') }}|{{ mixed|join('|') }}|{{ people|join(',', attribute='name') }}|{{ s|join('-') }}|{{ x|join('-') }}|{{ d|join(' ') }}|{{ missing|join(',') }}
{{ m|map('upper')|list }}|{{ people|map(attribute='city', default='?')|list }}|{{ people|map(attribute='city')|list }}|{{ [[1, 2], [3]]|map('length')|list }}|{{ [[1, 2], [3, 4]]|map(attribute='1')|list }}|{{ m|map('replace', 'a', 'x')|join }}|{{ ['1', 'b']|map('int', default=9)|list }}
{{ [0, 1, 2, none, '']|select|list }}|{{ [0, 1, 2]|reject|list }}|{{ range(10)|select('odd')|list }}|{{ range(10)|reject('divisibleby', 3)|list }}|{{ people|selectattr('city')|map(attribute='name')|list }}|{{ people|selectattr('age', 'equalto', 25)|list|length }}|{{ people|rejectattr('age', '>', 26)|map(attribute='name')|join(' ') }}|{{ people|selectattr('city', 'defined')|list|length }}|{{ m|select('in', ['a', 'b'])|list }}
{{ people|groupby('age')|list }}|{% for age, group in people|groupby('age') %}{{ age }}:{{ group|length }};{% endfor %}|{{ people|groupby('city', default='none')|map('first')|list }}|{{ [1, 'a', 'A', 1.0, 2]|unique|list }}|{{ m|unique(true)|list }}|{{ people|unique(attribute='age')|map(attribute='name')|list }}
{{ range(7)|batch(3)|list }}|{{ range(7)|batch(3, 'x')|list }}|{{ range(7)|slice(3)|list }}|{{ range(7)|slice(3, 'x')|list }}|{{ range(3) }}|{{ range(1, 10, 3)|list }}|{{ range(5, 0, -2)|list }}|{{ range(5)[1:3] }}|{{ range(5)[-1] }}|{{ range(0)|length }}|{{ range(10)[::3]|list }}|{{ range(4).count(2) }}|{{ range(4).count('l') }}|{{ range(1, 9, 3).index(4) }}|{{ 0 / -2 }}
{{ 3.7|int }}|{{ '42'|int }}|{{ '42.9'|int }}|{{ 'x'|int }}|{{ 'x'|int(5) }}|{{ 'ff'|int(0, 16) }}|{{ '0x1f'|int(base=16) }}|{{ none|int }}|{{ true|int }}|{{ ' 12 '|int }}|{{ '1_000'|int }}|{{ -3.9|int }}|{{ 1e30|int }}|{{ 'inf'|int(3) }}
{{ '3.5'|float }}|{{ 'x'|float }}|{{ 'x'|float(1.5) }}|{{ 3|float }}|{{ '1e3'|float }}|{{ ' 2 '|float }}|{{ 'inf'|float }}|{{ 'nan'|float }}|{{ -3|abs }}|{{ -2.5|abs }}|{{ 2.5|round }}|{{ 3.5|round }}|{{ 2.567|round(2) }}|{{ 2.1|round(0, 'ceil') }}|{{ 2.9|round(method='floor') }}|{{ 1234.5|round(-2) }}|{{ 7|round }}|{{ 42.55|round(1) }}|{{ 2.675|round(2) }}
{{ missing|default('d') }}|{{ e|default('d') }}|{{ e|default('d', true) }}|{{ none|default('d') }}|{{ none|d('x', boolean=true) }}|{{ d.zz|default({})|length }}|{{ missing|default }}
{{ '%s is %d' % ('a', 5) }}|{{ '%05.2f|%x|%X|%o|%e|%g' % (3.14159, 255, 255, 8, 12345.678, 0.0001) }}|{{ '%-5s|%5s|%%' % ('a', 'b') }}|{{ '%(a)s-%(b)r' % {'a': 1, 'b': 'x'} }}|{{ '%s' % 5 }}|{{ '%r' % 'x' }}|{{ '%+d % d' % (5, 5) }}|{{ '%s, %s!'|format('Hi', 'you') }}|{{ '%(x)s'|format(x=3) }}|{{ '%c%c' % (65, 'b') }}|{{ '%.2s' % 'abc' }}|{{ '%g %g' % (1e20, 1.5) }}|{{ '%5d|%-5d|%05d' % (42, 42, -42) }}|{{ '%#x' % 255 }}
{{ '{} {}'.format('a', 1) }}|{{ '{1}{0}'.format('a', 'b') }}|{{ '{x}'.format(x=3) }}|{{ '{:>5}|{:<5}|{:^5}'.format('a', 'b', 'c') }}|{{ '{:05d}|{:.2f}|{:,}|{:x}|{:b}|{:e}'.format(42, 3.14159, 1234567, 255, 5, 12345.678) }}|{{ '{0[b]} {1.b}'.format(d, d) }}|{{ '{!r}'.format('x') }}|{{ '{{}}'.format() }}|{{ '{:*^9}'.format('mid') }}|{{ '{:{}}'.format('a', 4) }}|{{ '{:%}'.format(0.25) }}|{{ '{:+}'.format(3) }}|{{ '{a}'.format_map({'a': 1}) }}|{{ '{:g}'.format(1e10) }}|{{ '{:.3}'.format(3.14159) }}|{{ '{:.3}'.format('abcdef') }}|{{ '{:10.3f}|'.format(2.5) }}
{{ html|e }}|{{ html|escape|escape }}|{{ html|safe }}|{{ html|forceescape }}|{{ (html|safe) + '<i>' }}|{{ '<i>' + (html|safe) }}|{{ html|safe|upper }}|{{ (html|safe) ~ '<i>' }}|{{ html|safe is escaped }}|{{ html|string is escaped }}
{{ lines|indent }}|{{ lines|indent(2, true) }}|{{ lines|indent(2, blank=true) }}|{{ lines|indent('>> ') }}|{{ lines|wordcount }}|{{ 'one two three four five'|truncate(12) }}|{{ 'one two three four five'|truncate(12, true) }}|{{ 'one two three four five'|truncate(12, false, '!', 0) }}|{{ 'short'|truncate(3, leeway=5) }}|{{ 'a b/ü&'|urlencode }}|{{ {'a b': 'c d', 'e': 1}|urlencode }}
{{ 1 is odd }}|{{ 2 is even }}|{{ 9 is divisibleby 3 }}|{{ 9 is divisibleby(2) }}|{{ none is none }}|{{ e is none }}|{{ true is boolean }}|{{ 1 is boolean }}|{{ 1 is true }}|{{ true is true }}|{{ 1 is integer }}|{{ true is integer }}|{{ 1.0 is float }}|{{ 1 is number }}|{{ true is number }}|{{ 'a' is string }}|{{ d is mapping }}|{{ l is mapping }}
{{ l is sequence }}|{{ 'a' is sequence }}|{{ d is sequence }}|{{ 1 is sequence }}|{{ none is iterable }}|{{ 'a' is iterable }}|{{ 3 is iterable }}|{{ range(3) is sequence }}|{{ l|map('string') is sequence }}|{{ l|map('string') is iterable }}|{{ 'abc' is lower }}|{{ 'ABC' is upper }}|{{ 1 is sameas 1 }}|{{ none is sameas none }}|{{ 1 is in l }}|{{ 'upper' is filter }}|{{ 'zz' is filter }}|{{ 'odd' is test }}|{{ 3 is gt 2 }}|{{ 3 is lessthan 2 }}|{{ 'a' is eq 'a' }}|{{ 3 is ne 3 }}|{{ 1 is not odd }}|{{ missing is not defined }}|{{ range is callable }}|{{ s is callable }}|{{ missing is sequence }}|{{ missing is mapping }}|{{ missing is iterable }}
{% for v in l %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }}/{{ loop.previtem }}/{{ loop.nextitem }};{% endfor %}
{% for v in x %}a{% else %}empty{% endfor %}|{% for v in missing %}a{% else %}none{% endfor %}|{% for v in l if v > 1 %}{{ loop.index }}:{{ v }}/{{ loop.length }}{{ loop.last }} {% else %}no{% endfor %}|{% for v in l if v > 5 %}{{ v }}{% else %}no{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}|{% for k in d %}{{ k }}{% endfor %}|{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }},{% endfor %}|{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}|{% for c in 'aé👋' %}[{{ c }}]{% endfor %}
{% for v in range(6) %}{% if v == 1 %}{% continue %}{% endif %}{% if v == 4 %}{% break %}{% endif %}{{ v }}{% endfor %}|{% for a in [1, 2] %}{% for b in [1, 2, 3] %}{% if b == 2 %}{% break %}{% endif %}{{ a }}{{ b }} {% endfor %}{% endfor %}
{% for v in [1, 1, 2] %}{{ loop.changed(v) }}{{ loop.cycle('a', 'b') }}{{ loop.depth }} {% endfor %}|{% for n in [{'v': 1, 'c': [{'v': 2, 'c': []}, {'v': 3, 'c': [{'v': 4, 'c': []}]}]}] recursive %}{{ n.v }}({{ loop(n.c) }}){{ loop.depth }}{% endfor %}
{% set v = 1 %}{% for q in l %}{% set v = v + q %}{{ v }} {% endfor %}{{ v }}|{% set ns = namespace(v=1, w='a') %}{% for q in l %}{% set ns.v = ns.v + q %}{% endfor %}{{ ns.v }}{{ ns.w }}{{ ns.zz is defined }}|{% if true %}{% set w = 5 %}{% endif %}{{ w }}|{% set a, b = 1, 2 %}{{ a }}{{ b }}|{% set a, b = 'xy' %}{{ b }}{{ a }}
{% set block %}  text {{ i }}
 more{% endset %}[{{ block }}]|{% set up | upper %}shout {{ s }}{% endset %}{{ up }}|{% set inner %}{% set hidden = 1 %}{% endset %}{{ hidden is defined }}|{% set x2 = 'a', 'b' %}{{ x2 }}
{% macro m1(a, b='B', c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m1(1) }}|{{ m1(1, 2) }}|{{ m1(1, c=3) }}|{{ m1() }}|{{ m1(b=2, a=1) }}|{{ m1.name }}|{{ m1.arguments }}
{% macro va() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ va(1, 2, x=3) }}|{% macro outer() %}{{ caller('in') }}!{% endmacro %}{% call(z) outer() %}<{{ z }}{{ i }}>{% endcall %}|{% macro rec(n) %}{{ n }}{% if n %}{{ rec(n - 1) }}{% endif %}{% endmacro %}{{ rec(5) }}|{% macro late() %}{{ later }}{% endmacro %}{% set later = 'L' %}{{ late() }}
{% macro nocaller() %}x{% endmacro %}{% call nocaller() %}y{% endcall %}
{% macro one(a) %}{{ a }}{% endmacro %}{{ one(1, 2) }}
{% macro one(a) %}{{ a }}{% endmacro %}{{ one(z=2) }}
{% filter upper %}abc {{ s }}{% endfilter %}|{% filter replace('a', 'x')|upper %}banana{% endfilter %}|{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}|{% with %}{% set zz = 3 %}{{ zz }}{% endwith %}{{ zz is defined }}
{% raw %}{{ not }} {% evaluated %}{% endraw %}|{%- raw -%}  x  {%- endraw -%}|{# comment #}x{#- c -#}  y|{{ '{{' }}|{% print 1, 'a' %}|{% block bb %}in block {{ i }}{% endblock %}|{% generation %}gen {{ s }}{% endgeneration %}
{% if x %}a{% elif l %}b{% else %}c{% endif %}|{% if not d %}a{% else %}b{% endif %}|{% if i > 5 and n < 0 or missing %}yes{% endif %}|{% if missing is defined and missing.x.y %}a{% else %}ok{% endif %}
{{ dict(a=1, b=2) }}|{{ dict([(1, 2)]) }}|{{ dict(d, z=1).z }}|{{ {'a': 1, 'a': 2} }}|{{ {1: 'i', 1.0: 'f', true: 'b'} }}|{{ (1,) }}|{{ () }}|{{ [1, 'a', none, 2.5, (1, 2), {'k': [true]}] }}|{{ [missing] }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}|{% set j = joiner('; ') %}{{ j() }}a{{ j() }}b
{{ strftime_now('%Y-%m-%d %H:%M:%S') }}|{{ strftime_now('%d %b %Y, %A %B %-d %j %I %p %y %%') }}
{{ '\n\t\x41\u00e9\U0001F600\'\"\\\q\101' }}|{{ "a\
b" }}|{{ 'tab	raw' }}|{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 1.5e3 }} {{ 1E2 }} {{ 00 }}
{{ s | upper | lower | title }}|{{ (s|upper)[0:2] }}|{{ s|upper if yes else s }}|{{ -i|abs }}|{{ i|string ~ 'x' }}|{{ not i is odd }}|{{ i is odd and n is odd }}|{{ l[0] + l[-1] }}|{{ people[0].name[0] }}|{{ people[-1]['name']|upper }}|{{ (l + [4])|length }}|{{ [l, m][1][0] }}|{{ {'a': [1, 2]}.a[1] }}|{{ (1, 2)[0] }}
{{ 'a' if s }}|{{ [1, 2, 3][:-1] }}|{{ l[:] }}|{{ l[1:][0] }}|{{ mixed[5][1][0] }}|{{ l.index(1) }}|{{ l.count(9) }}|{{ 2.0.is_integer() }}|{{ s is string and s|length > 3 }}|{{ m|list|join(',')|upper }}
{{ loop is defined }}|{% for a in [1] %}{{ loop.index }}{% for b in [1, 2] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}|{% for a in l %}{{ a }}{{ ',' if not loop.last }}{% endfor %}|{% for a in l|sort %}{{ ', ' if not loop.first else '' }}{{ a }}{% endfor %}
{{ missing.attr }}
{{ missing() }}
{{ missing + 1 }}
{{ missing[0] }}
{{ none.attr }}|{{ none.attr.attr }}
{{ none[0][1] }}
{{ s.nomethod() }}
{{ l.append(1) }}
{{ d.update({}) }}
{{ d.pop('b') }}
{{ d.pop is defined }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [] + () }}
{{ {} + {} }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ l < d }}
{{ 1 in 5 }}
{{ 1 in 'abc' }}
{{ 5|length }}
{{ none|length }}
{{ l|map('upper')|length }}
{{ 5|join }}
{{ none|list }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ 1 // 0.0 }}
{{ 'a'.index('z') }}
{{ 'a'.split('') }}
{{ ','.join([1]) }}
{{ 'abc'.startswith(1) }}
{{ 'x'.replace('a') }}
{{ '%d' % 'x' }}
{{ '%s %s' % 'x' }}
{{ '%s' % (1, 2) }}
{{ '{} {}'.format(1) }}
{{ '{x}'.format(1) }}
{{ '{:d}'.format('x') }}
{{ x|first|upper }}|{{ missing|upper }}|{{ missing|length }}|{{ missing|list }}
{{ missing|tojson }}
{{ range(3)|tojson }}
{{ [range]|tojson }}
{{ range(1000000) }}
{{ range(1, 2, 0) }}
{{ raise_exception('stop ' ~ i) }}
{{ s|nofilter }}
{% if no %}{{ s|nofilter }}{% endif %}ok
{{ s is notest }}
{{ (s|nofilter) if no else 'ok' }}
{{ l|map('nofilter')|list }}
{{ l|sort(attribute='zz') }}
{{ mixed|sort }}
{{ l|dictsort }}
{{ s|items }}
{{ l|sum(start='a') }}
{{ m|sum }}
{{ l|batch(0)|list }}
{{ {[1]: 2} }}
{{ {}[[]] is defined }}
{% for a, b in [1] %}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{% endfor %}
{% for a in 5 %}{% endfor %}
{% for a in none %}{% endfor %}
{% set a, b = 1 %}
{% set d.x = 1 %}
{% set loop.x = 1 %}
{{ loop.index }}
{{ s[::0] }}
{{ s['a':] }}
{{ l['a'] is defined }}|{{ s['upper']() }}|{{ l[1.0] is defined }}|{{ d[none] is defined }}
{% break %}
{% endfor %}
{% if x %}
{% for x %}{% endfor %}
{% unknown %}
{% set 5 = x %}
{% set true = x %}
{{ }}
{{ 1 2 }}
{{ a b }}
{{ (1 }}
{{ [1 }}
{{ 1) }}
{{ {1} }}
{{ 'abc }}
{{ "a" 'b }}
{{ a. }}
{{ a.'b' }}
{{ a | }}
{{ a is }}
{{ f(a=1, 2) }}
{{ f(a b) }}
{{ f(*l, *l) }}
{{ range(*[1, 4])|list }}|{{ dict(**{'a': 1}) }}|{{ range(*l[1:])|list }}
{{ ? }}
{{ $ }}
{{ a! }}
{% macro %}{% endmacro %}
{% macro x(a=1, b) %}{% endmacro %}
{% macro x(a, a) %}{% endmacro %}
{% call 5 %}{% endcall %}
{% include 'x' %}
{% extends 'x' %}
{% import 'x' as y %}
{# unclosed
{% raw %} unclosed
{{ '\x4' }}
{{ 1 is odd is even }}
{% if 1 %}a{% else %}b{% else %}c{% endif %}
{% for a in l %}{% else %}{% else %}{% endfor %}
{% set x %}
{{ s.__class__ }}|{{ s.__class__.__mro__ is defined }}
{{ ''.__class__.__mro__[1].__subclasses__() }}
{{ range.__globals__ }}|{{ raise_exception.__globals__ is defined }}
{{ s.format.__self__ is defined }}
{{ 0 if 1 else }}
{{ l|map(attribute='a', zz=1)|list }}
{{ l|map|list }}
{{ people|selectattr|list }}
""".strip("\n").split("\n")
# a string literal that spans lines belongs to the line above
JOINED = []
for line in HAND:
    if JOINED and (line.startswith('b" }}') or line.startswith(" more{% endset")): JOINED[-1] += "\n" + line
    else: JOINED.append(line)

SPACING = ["{}", " {} ", "\n{}\n", "a\n  {}\n  b", "  {}", "\t{}\n\n", "x {} y", "\r\n{}\r\n"]
TAGS = ["{% if true %}", "{%- if true %}", "{%- if true -%}", "{%+ if true %}", "{% if true +%}", "{% if true -%}"]
ENDS = ["{% endif %}", "{%- endif %}", "{% endif -%}", "{%- endif -%}", "{%+ endif +%}"]
OTHERS = ["{{ i }}", "{{- i }}", "{{ i -}}", "{{- i -}}", "{{+ i }}", "{# c #}", "{#- c #}", "{# c -#}", "{#+ c +#}", "{% set y = 1 %}", "{%- set y = 1 -%}", "{% raw %} r {% endraw %}", "{%- raw -%} r {%- endraw +%}", "{%+ raw %}\n r \n{%+ endraw -%}"]

def whitespace_template():
    parts = []
    for _ in range(rnd.randint(1, 4)):
        inner = rnd.choice(OTHERS)
        if rnd.random() < .6: inner = rnd.choice(TAGS) + rnd.choice(SPACING).format(inner) + rnd.choice(ENDS)
        parts.append(rnd.choice(SPACING).format(inner))
    return "".join(parts)

ATOMS = ["s", "t", "e", "u", "lines", "q", "i", "n", "z", "f", "g", "yes", "no", "nothing", "l", "m", "x", "mixed", "d", "o", "people", "missing", "html", "big",
         "'a'", "\"it's\"", "1", "0", "-2", "2.5", "true", "none", "[1, 2]", "('a', 1)", "{'k': 'v'}", "range(4)", "d.b", "d['c']", "d.nested", "people[0]", "people[0].name", "l[0]", "s[2:5]"]
FILTERS = ["upper", "lower", "trim", "capitalize", "title", "length", "string", "int", "float", "abs", "round", "list", "first", "last", "join", "join(', ')", "sort", "reverse", "unique", "tojson", "tojson(indent=2)",
           "default('D')", "default('D', true)", "replace('l', '[L]')", "replace('e', '')", "items", "dictsort", "map('string')", "map(attribute='name')", "select", "reject('none')", "selectattr('name')", "min", "max", "sum", "count", "e", "wordcount",
           "indent(2)", "truncate(6)", "batch(2)", "slice(2)", "center(9)", "urlencode", "groupby('age')", "safe", "attr('upper')"]
METHODS = ["upper()", "lower()", "strip()", "split()", "split('l')", "startswith('H')", "endswith('d')", "replace('o', '0')", "title()", "find('l')", "count('l')", "get('b')", "keys()", "items()", "values()", "index(1)", "splitlines()", "isdigit()", "partition(' ')", "lstrip('H')", "rstrip()"]
TESTS = ["defined", "none", "string", "mapping", "sequence", "iterable", "number", "integer", "float", "boolean", "true", "false", "odd", "even", "upper", "lower", "eq 1", "in l", "divisibleby 2", "sameas none"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in", "not in"]

def expression(depth):
    if depth == 0 or rnd.random() < .15: return rnd.choice(ATOMS)
    kind = rnd.random()
    if kind < .3: return f"({expression(depth - 1)})|{rnd.choice(FILTERS)}"
    if kind < .42: return f"({expression(depth - 1)}).{rnd.choice(METHODS)}"
    if kind < .5: return f"({expression(depth - 1)}) is {rnd.choice(['', 'not '])}{rnd.choice(TESTS)}"
    if kind < .78: return f"({expression(depth - 1)}) {rnd.choice(BINARY)} ({expression(depth - 1)})"
    if kind < .84: return f"({expression(depth - 1)}) if ({expression(depth - 1)}) else ({expression(depth - 1)})"
    if kind < .9: return f"({expression(depth - 1)})[{rnd.choice(['0', '-1', '1:', ':2', '::-1', chr(39) + 'name' + chr(39), '5'])}]"
    if kind < .95: return f"[{expression(depth - 1)}, {expression(depth - 1)}]"
    return rnd.choice(["not ", "-", "+"]) + f"({expression(depth - 1)})"

def statement(depth):
    kind = rnd.random()
    e = lambda: expression(2)
    b = lambda: statement(depth - 1) if depth else "{{ " + e() + " }}"
    if kind < .3: return "{{ " + e() + " }}"
    if kind < .45: return "{% for v in " + e() + " %}{{ v }}{{ loop.index }}{{ ',' if not loop.last }}" + b() + "{% else %}E{% endfor %}"
    if kind < .6: return "{% if " + e() + " %}" + b() + "{% elif " + e() + " %}" + b() + "{% else %}" + b() + "{% endif %}"
    if kind < .7: return "{% set i = " + e() + " %}" + b() + "{{ i }}"
    if kind < .8: return "{% set ns = namespace(a=" + e() + ") %}{% for v in [1, 2] %}{% set ns.a = " + e() + " %}" + b() + "{% endfor %}{{ ns.a }}"
    if kind < .9: return "{% macro mm(s, z=" + e() + ") %}" + b() + "{{ z }}{% endmacro %}{{ mm(" + e() + ") }}"
    return "{% set w %}" + b() + "{% endset %}{{ w|length }}{{ w }}"

os.makedirs(a.out, exist_ok=True)
# the words of a generator's repr, its address among them, are no behaviour either
WORDS = ENVIRONMENT.filters["wordcount"]
ENVIRONMENT.filters["wordcount"] = lambda s: "<generator" if UNPRINTABLE.search(str(s)) else WORDS(s)
UNPRINTABLE = re.compile(r"(?i)0x[0-9a-f]{9}|object at|<bound method|<built-in method|<function|<class|<Macro|<generator")
def rows(templates):
    for source in templates:
        row = run(source, VARIABLES)
        if not UNPRINTABLE.search(row.get("text", "")) and "recursion" not in row.get("error", ""): yield dict(template=source, **row)

def generated(make, count):
    """Rows of which at most a quarter are errors: most random expressions are."""
    kept, errors = [], 0
    while len(kept) < count:
        for row in rows([make()]):
            if "error" in row:
                if errors * 4 >= count: continue
                errors += 1
            kept.append(row)
    return kept

with open(f"{a.out}/jinja.jsonl", "w") as f:
    f.write(json.dumps(VARIABLES, ensure_ascii=False) + "\n")
    everything = list(rows(JOINED)) + generated(whitespace_template, a.generated // 5) + generated(lambda: "{{ " + expression(3) + " }}", a.generated // 2) + generated(lambda: statement(2), a.generated * 3 // 10)
    for row in everything: f.write(json.dumps(row, ensure_ascii=False) + "\n")

def call(name, **args): return {"type": "function", "id": "call_" + name, "function": {"name": name, "arguments": args}}
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather \"now\"", "parameters": {"type": "object", "properties": {
    "city": {"type": "string", "description": "City"}, "unit": {"type": "string", "enum": ["c", "f"]}, "days": {"type": "integer", "description": "Days ahead", "default": 1}, "tags": {"type": "array", "items": {"type": "string"}}}, "required": ["city"]}}}
PING = {"type": "function", "function": {"name": "ping", "description": "No arguments", "parameters": {"type": "object", "properties": {}}}}
CONVERSATIONS = {
    "turns": dict(messages=[{"role": "user", "content": " A "}, {"role": "assistant", "content": "B\n"}, {"role": "user", "content": "C <b>"}]),
    "system": dict(messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello é 👋"}]),
    "parts": dict(messages=[{"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}, {"role": "assistant", "content": [{"type": "text", "text": "three"}]}]),
    "tools": dict(messages=[{"role": "system", "content": "Use tools."}, {"role": "user", "content": "Weather?"}, {"role": "assistant", "content": "", "tool_calls": [call("get_weather", city="Par\"is", days=-1, tags=["a"], unit=None)]},
        {"role": "tool", "name": "get_weather", "tool_call_id": "call_get_weather", "content": "{\"temp\": 21.5, \"ok\": true}"}, {"role": "assistant", "content": "21.5 degrees."}, {"role": "user", "content": "Ping"},
        {"role": "assistant", "content": "Sure", "tool_calls": [call("ping"), call("get_weather", city="Rom")]}, {"role": "tool", "name": "ping", "tool_call_id": "call_ping", "content": "pong"}], tools=[WEATHER, PING]),
    "thinking": dict(messages=[{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\nTwo.\n</think>\n\n4", "reasoning_content": "Two and two.", "thinking": "Two."}, {"role": "user", "content": "3+3?"}, {"role": "assistant", "content": "6", "reasoning_content": "Three."}]),
    "calls": dict(messages=[{"role": "developer", "content": "Dev"}, {"role": "user", "content": "Go"}, {"role": "assistant", "content": None, "tool_calls": [call("ping")]}, {"role": "tool", "name": "ping", "content": {"r": [1, None]}}], tools=[PING]),
}
trl = importlib.util.find_spec("trl")
if trl is None: raise SystemExit("trl is not installed: only jinja.jsonl was written")
with open(f"{a.out}/trl.jsonl", "w") as f:
    for path in sorted(glob.glob(os.path.join(os.path.dirname(trl.origin), "chat_templates", "*.jinja"))):
        source = open(path, newline="").read(); name = os.path.basename(path)
        f.write(json.dumps(dict(template=name, source=source), ensure_ascii=False) + "\n")
        for conversation, c in CONVERSATIONS.items():
            for prompt in (False, True):
                row = run(source, dict(messages=c["messages"], tools=c.get("tools"), documents=None, add_generation_prompt=prompt, bos_token="<bos>", eos_token="<eos>"))
                f.write(json.dumps(dict(template=name, conversation=conversation, add_generation_prompt=prompt, **row), ensure_ascii=False) + "\n")
with open(f"{a.out}/trl-conversations.json", "w") as f: json.dump(CONVERSATIONS, f, ensure_ascii=False, indent=1)
