"""Nonsense for every route that takes a body, a query or bytes: the answer may refuse, it may never be a 5xx.

Each request runs in a transaction that is rolled back, so that every one meets the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from tests.conftest import Cast
from tests.labeling.api.test_route_walk import ROUTES, ids, url_of

__all__ = ["ids"]  # the fixture: one object of every noun
Json = dict[str, Any]

# As JSON text, because no Python value writes some of these.
VALUES = [
    "null", "true", "[]", "{}", "[null]", "[[]]", '[{"a": []}]', '{"a": {"b": [1]}}',
    '""', '" "', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\u202e\\u0301"', '"../../etc/passwd"', '"\\r\\nX-A: b"',
    json.dumps("x" * 100_000), '"2026-99-99T99:99:99Z"', '"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"',
    "-1", "0", "1.5", "-0.0", "1e999", "-1e999", "2147483648", "9223372036854775808", "1" * 400, '"1"', '"1e9"',
    '{"\\ud800": "\\ud800"}', '{"\\u0000": "\\u0000"}', '["\\ud800", "\\u0000"]',
]  # fmt: skip
BODIES = [
    b"", b"{", b"null", b"[]", b"1", b'"x"', b"NaN", b'{"a": NaN}', b'{"a": Infinity}', b"\xff\xfe\x00",
    b"[" * 100_000, b'{"a":' * 50_000, b"1" * 5_000, b'{"\\ud800": 1}', b'{"\\u0000": 1}', b"\xef\xbb\xbf{}",
    b"a=b&c=d", b'{"__proto__": {}, "pk": 1, "id": 1, "project": 1, "user": 1}',
]  # fmt: skip
QUERIES = [
    "", "%00", "%ff", "-1", "1e9", "9" * 400, "9" * 19, "x" * 5_000, "a,b", "1," * 300, "cD1hYmM=", "cD0lMDA=",
    "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ==", "bz0tMQ==", "bz05OTk5OTk5OTk5OTk5", "%25", "%ED%A0%80",
]  # fmt: skip
# What each route reads from its query.
NAMES = {
    "projects": ["cursor", "limit"],
    "projects/<>/events": ["after", "limit"],
    "projects/<>/pace": ["since"],
    "projects/<>/images": ["cursor", "limit", "state", "split", "search", "comments", "other"],
    "projects/<>/queue": ["limit", "exclude", "only_proposed"],
    "projects/<>/imports": ["cursor", "limit"],
    "projects/<>/training-runs": ["cursor"],
    "projects/<>/model-versions": ["cursor"],
    "projects/<>/proposal-runs": ["cursor"],
    "projects/<>/exports": ["cursor"],
    "images/<>/masks": ["cursor", "origin", "parent"],
    "images/<>/comments": ["cursor"],
    "classes/<>/crops": ["order", "checked", "after", "limit"],
    "proposals/<>/crops/<>": ["v"],
    "images/<>/proposals": ["cursor"],
    "images/<>/features": ["v"],
    "images/<>/prior": ["v"],
    "imports/<>/items": ["cursor", "limit", "outcome"],
}
MARK = {"class_index": 1, "sign": 1, "made_at": "2026-01-01T00:00:00Z", "seconds": 1.5}
MARKS: list[Json] = [
    {"id": "6a3b2c80-5f6b-4d63-9a0e-9d2d4fd3a001", "kind": "point", "geometry": {"x": 5.5, "y": 6.5}, **MARK},
    {
        "id": "6a3b2c80-5f6b-4d63-9a0e-9d2d4fd3a002",
        "kind": "scribble",
        "geometry": {"points": [[1.5, 2.5], [8, 9]], "width": 3},
        **MARK,
    },
    {"id": "6a3b2c80-5f6b-4d63-9a0e-9d2d4fd3a003", "kind": "box", "geometry": {"box": [1, 2, 20, 30]}, **MARK},
    {"id": "6a3b2c80-5f6b-4d63-9a0e-9d2d4fd3a004", "kind": "tag", "geometry": {}, **MARK},
]
NO_FIELDS: Json = {"a": 1}


def good_bodies(ids: dict[str, object]) -> dict[tuple[str, str], Json]:
    """A body that each route understands; every place in it is then replaced by nonsense."""
    settings = {"review_required": True, "random_share": 0.5, "retrain_after": 3, "acquisition": "entropy"}
    return {
        ("POST", "session"): {"username": "ada", "password": "x"},
        ("PUT", "me/preferences"): {"keys": {"undo": ["Alt+U"], "tool_box": []}, "character_keys": "off"},
        ("POST", "projects"): {"name": "A", "description": "b"},
        ("PATCH", "projects/<>"): {
            "name": "A", "description": "b", "guidelines": "*c*", "is_archived": False, "settings": settings,
        },
        ("POST", "projects/<>/classes"): {"name": "cat", "color": "#aabbcc", "is_background": False},
        ("PATCH", "classes/<>"): {
            "name": "c", "color": "#aabbcc", "order": 1, "is_background": False, "is_retired": True,
        },
        ("POST", "projects/<>/members"): {"username": "dan", "role": "viewer"},
        ("PATCH", "members/<>"): {"role": "viewer"},
        ("PUT", "images/<>/annotation"): {
            "revision": 0, "marks": MARKS, "deleted": [MARKS[0]["id"]], "propose": "live_head",
        },
        ("POST", "images/<>/skip"): {"reason": "other", "comment": "c"},
        ("POST", "images/<>/accept"): {"mask_sha256": ids["masks.png"]},
        ("POST", "images/<>/proposals"): {"method": "live_head", "revision": 1},
        ("POST", "proposals/<>/accept"): {"mask_sha256": ids["masks.png"]},
        ("POST", "proposals/<>/reject"): {"reason": "no"},
        ("POST", "classes/<>/checks"): {"verdict": "right", "proposals": [ids["proposals"]]},
        ("POST", "classes/<>/checks/undo"): {"proposals": [ids["proposals"]]},
        ("POST", "images/<>/comments"): {
            "text": "c", "place": {"x": 1.5, "y": 2}, "mask_sha256": ids["masks.png"],
        },
        ("POST", "masks/<>/reviews"): {"verdict": "approved", "comment": "c"},
        ("POST", "projects/<>/queue/next"): {"exclude": [1, 2], "only_proposed": True},
        ("POST", "projects/<>/uploads"): {"name": "images/a.png", "size": 9},
        ("POST", "projects/<>/imports"): {"uploads": [str(ids["uploads"])]},
        ("POST", "projects/<>/training-runs"): {
            "method": "seeded_segmentation", "config": {"steps": 10, "lr": 0.1, "image_size": 64, "encoder": "x"},
            "marks": ["point"], "splits": ["train"], "seed": 1,
        },
        ("POST", "projects/<>/exports"): {"format": "coco", "options": {"images": True, "splits": ["train"]}},
    }  # fmt: skip


def test_the_good_bodies_are_understood(cast: Cast, ids: dict[str, object]) -> None:
    """Otherwise the nonsense in them would be refused for another reason than its own."""
    client = APIClient()
    client.force_authenticate(cast.ada)
    for (method, route), body in good_bodies(ids).items():
        response = client.generic(method, url_of(route, ids), json.dumps(body), content_type="application/json")
        assert response.status_code < 300 or response.json()["code"] != "invalid", (method, route, response.content)


def replaced(body: Any) -> Iterator[str]:
    """The body as JSON text, each place in turn (and the whole) replaced by each piece of nonsense."""
    mark = "@nonsense@"

    def places(value: Any) -> Iterator[Any]:
        yield mark
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            for other in places(inner):
                copy = value.copy()
                copy[key] = other
                yield copy

    for changed in places(body):
        text = json.dumps(changed)
        yield from (text.replace(f'"{mark}"', value) for value in VALUES)


@pytest.fixture
def ask(cast: Cast) -> Any:
    """Send one request as the owner, undo what it did, and say what went wrong, if anything did."""
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(cast.ada)

    def send(method: str, url: str, body: Any = b"", content_type: str = "application/json", **headers: str) -> str:
        with transaction.atomic():
            response = client.generic(method, url, body, content_type=content_type, headers=headers)
            transaction.set_rollback(True)
        error = getattr(response, "exc_info", None)
        is_polite = response.status_code < 500 and error is None
        return "" if is_polite else f"{method} {url[:200]} {str(body)[:200]}: {response.status_code} {error}"

    return send


@pytest.fixture(autouse=True)
def nobody_is_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"sign_in": None})


WRITES = [(method, route) for route, methods in ROUTES.items() for method in methods if method != "GET"]


def test_a_body_that_is_nonsense_as_a_whole_is_refused_politely(ids: dict[str, object], ask: Any) -> None:
    wrong = [
        ask(method, url_of(route, ids), body, content_type)
        for method, route in WRITES
        for body in BODIES
        for content_type in ("application/json", "application/x-www-form-urlencoded; charset=utf-99")
    ]
    assert [line for line in wrong if line] == []


@pytest.mark.parametrize(("method", "route"), [pair for pair in WRITES if pair[0] != "DELETE"])
def test_nonsense_in_any_place_of_a_body_is_refused_politely(
    ids: dict[str, object], ask: Any, method: str, route: str
) -> None:
    body = good_bodies(ids).get((method, route), NO_FIELDS)
    wrong = [ask(method, url_of(route, ids), text) for text in replaced(body)]
    assert [line for line in wrong if line] == []


def test_nonsense_in_a_query_is_refused_politely(ids: dict[str, object], ask: Any) -> None:
    queries = [(route, f"{name}={value}") for route, names in NAMES.items() for name in names for value in QUERIES]
    wrong = [ask("GET", f"{url_of(route, ids)}?{query}") for route, query in queries]
    png = [query for route, query in queries if route == "images/<>/masks"]
    wrong += [ask("POST", f"{url_of('images/<>/masks', ids)}?{query}", b"\x89PNG", "image/png") for query in png]
    assert [line for line in wrong if line] == []


def test_nonsense_bytes_and_offsets_are_refused_politely(ids: dict[str, object], ask: Any) -> None:
    mask, upload = url_of("images/<>/masks", ids), url_of("uploads/<>", ids)
    signature = b"\x89PNG\r\n\x1a\n"
    blobs = [b"", b"x", b"\x00" * 100, signature, signature + b"\x00\x00\x00\rIHDR" + b"\xff" * 17, b"GIF89a", b"%PDF"]
    wrong = [ask("POST", mask, blob, kind) for blob in blobs for kind in ("image/png", "image/jpeg", "")]
    for offset in ("", "0", "-1", "9" * 18, "9" * 400, "\u0663", "1.0", "0x1", " 0"):
        headers = {"upload-offset": offset}
        wrong += [ask("PATCH", upload, blob, "application/octet-stream", **headers) for blob in blobs]
    assert [line for line in wrong if line] == []


def test_nonsense_in_a_form_is_refused_politely(ids: dict[str, object], ask: Any) -> None:
    url, kind = url_of("projects/<>/images", ids), "multipart/form-data; boundary=x"
    names = [
        b"a.png", b"", b".", b"..", b"../../x.png", b"/etc/x.png", b"a\x00.png", b"x" * 5_000, b"\xe2\x80\xae.png",
        b"\xff.png", b"\xed\xa0\x80.png", b"con.png", b'a".png', b"a\r\nX: y",
    ]  # fmt: skip
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n'
    bodies = [head % (name, content) for name in names for content in (b"", b"not a picture", b"\x89PNG\r\n\x1a\n")]
    bodies += [
        b"", b"nonsense", b"--x\r\nnonsense", b"--x--",
        b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="\xff\x00"\r\n\r\n\x00\r\n--x--\r\n',
    ]  # fmt: skip
    wrong = [ask("POST", url, body, kind) for body in bodies]
    wrong += [ask("POST", url, b"--x", "multipart/form-data"), ask("POST", url, b"{}")]
    assert [line for line in wrong if line] == []
