"""Clients whose every request bears a mark, which no other request does.

What a sample can be asked comes from `hostile.surface`. From this, `learn`
chooses what the sample accepts.
"""

import json
import re
import time
from dataclasses import dataclass
from itertools import count
from types import SimpleNamespace

from hostile import Attack, Page, exchange, filed, request, sized, statuses

MARK = re.compile(rb"mk(\d\d)n\d{5}z")


@dataclass(frozen=True, eq=False)
class Act:
    """A kind of request: `fields` is a form's, `names` those to be marked."""

    method: str
    target: str
    fields: dict | None = None
    names: tuple = ()
    lines: tuple = ()
    json: dict | None = None

    def build(self, mark):
        target = self.target.replace("MARK", mark)

        if self.json is not None:
            body = json.dumps(self.json).replace("MARK", mark).encode()
            return sized(self.method, target, "application/json", body)

        if self.fields is None:
            return request(self.method, target)

        new = {name: marked(self.fields[name], mark) for name in self.names}
        return filed(self.method, target, self.fields | new)


def marked(value, mark):
    """Return the form's value with the mark in it, if it is only a word."""
    text = value.decode()

    if text.startswith("@"):
        text = f"@{mark}.txt"
    elif "@" in text:
        text = f"{mark}@example.org"
    elif re.fullmatch(r"[A-Za-z][\w .]{,20}", text):
        text = mark

    return text.encode()


def choices(found, port):
    """Yield lists of acts; of each the first that is not refused will do."""
    forms = {}

    for to in found.reads:
        yield [Act(*to)]
        yield [Act(to[0], re.sub(r"[^/?]+(?=$|\?)", "MARK", to[1], count=1))]

        for form in Page(to[1], exchange(port, request(*to))).forms:
            forms.setdefault(form[:2], form)

    for form in found.forms:
        forms.setdefault(form[:2], form)

    for *to, fields, lines in forms.values():
        given = [
            {},
            *(it for it in found.data if it.keys() <= fields.keys()),
        ]
        yield [
            Act(*to, fields | values, names, tuple(lines))
            for values in given
            for names in [tuple(fields), *((it,) for it in fields), ()]
        ]

    for to in found.writes:
        for value in found.objects[:-1]:
            words = {k: "MARK" for k, v in value.items() if isinstance(v, str)}
            yield [Act(*to, json=value | words), Act(*to, json=value)]


def kind(method, path):
    """Return what all requests for things alike have in common."""
    path = MARK.sub(b"0", path.partition("?")[0].encode()).decode()
    return method, re.sub(r"[0-9a-f]{8}-[-0-9a-f]{27}|\d+", "0", path)


class Client:
    """One visitor, with its number, its cookies, and its marks.

    For each answer judge(client, kind, attack, answer, mark, cause) is called;
    the cause is the act whose redirect was followed, or None.
    """

    def __init__(self, port, number, judge, start=0):
        self.port, self.number, self.judge = port, number, judge
        self.marks = (f"mk{number:02}n{n:05}z" for n in count(start))
        self.cookies = {}

    def ask(self, key, attack, mark, cause=None):
        jar = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        line = f"Cookie: {jar}\r\n\r\n".encode() if jar else b"\r\n"
        attack = Attack(attack.head[:-2] + line, attack.body)
        answer = exchange(self.port, attack)
        head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
        new = re.findall(r"(?im)^set-cookie: *([^=;\s]+)=([^;\r\n]*)", head)
        self.cookies |= new
        self.judge(self, key, attack, answer, mark, cause)
        return answer

    def do(self, act):
        """Do it, and go where the answer sends. Returns (answer, place)."""
        for line in act.lines:
            pairs = line.removeprefix("Cookie: ").split("; ")
            self.cookies |= (pair.split("=", 1) for pair in pairs)

        mark = next(self.marks)
        attack = act.build(mark)
        answer = self.ask(kind(act.method, act.target), attack, mark)
        head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
        to = re.search(r"\nLocation: (?:http://localhost)?(/[^\s#]*)", head)

        if to:
            self.ask(kind("GET", to[1]), request("GET", to[1]), mark, act)

        return answer, to and to[1]


def aliens(client, answer):
    """Return the numbers of other clients whose marks the answer shows."""
    return {*map(int, MARK.findall(answer))} - {client.number}


# -- What to expect ---------------------------------------------------------


def learn(found, port):
    """Return what one client, and then another, find out when alone.

    `seconds` is {act: the least it took}, `public` the kinds of request that
    show what others sent, `missing` the acts that lead to where no mark is
    shown.
    """
    acts, public, missing, seconds = [], set(), set(), {}

    def judge(client, key, attack, answer, mark, act):
        if aliens(client, answer):
            public.add(key)

        if act and mark.encode() not in answer:
            missing.add(act)

    first, second = (Client(port, number, judge) for number in (98, 99))

    for options in choices(found, port):
        for act in options:
            if "MARK" in act.target and options == [act]:
                # A path with a mark in it is for those that show it.
                answer = exchange(port, act.build("mk99n99999z"))
                good = b"mk99" in answer and statuses(answer)[0] < 400
            else:
                answer, place = first.do(act)

                if place:
                    second.ask(kind("GET", place), request("GET", place), "x")

                good = statuses(answer)[0] < 400

            if good:
                acts.append(act)
                break

    for client in (second, first):
        for act in acts:
            start = time.monotonic()
            client.do(act)
            taken = time.monotonic() - start
            seconds[act] = min(taken, seconds.get(act, taken))

    return SimpleNamespace(public=public, missing=missing, seconds=seconds)
