"""`nbtrack models`: a model behind HTTP, and predictions for files."""

from __future__ import annotations

import argparse
from typing import Any

from ..client import Client
from ..errors import InvalidParameter
from ..model_registry.uris import parse_uri

HELP = "Serve a model over HTTP, or predict the rows of a file."

_MB = 1_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    serve = actions.add_parser("serve", help="answer requests, as `mlflow models serve` does")
    _of_model(serve)
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen at (%(default)s)")
    serve.add_argument("--port", type=int, default=5000, help="the port (%(default)s); 0 for a free one")
    serve.add_argument(
        "--follow", action="store_true", help="switch to the stage's new version whenever the stage moves"
    )
    serve.add_argument("--max-body", type=int, default=64, metavar="MB", help="the largest body taken (%(default)s)")
    serve.add_argument("--threads", type=int, metavar="N", help="how many requests are predicted at once (one a core)")
    serve.set_defaults(action=_serve)
    predict = actions.add_parser("predict", help="write the predictions for each row of a file")
    _of_model(predict)
    predict.add_argument("-i", "--input", required=True, metavar="FILE", help=".csv, .parquet, .jsonl or .json")
    predict.add_argument("-o", "--output", required=True, metavar="FILE", help=".csv, .parquet or .jsonl")
    predict.add_argument("--params", metavar="JSON", help="the params of predict, such as '{\"loud\": true}'")
    predict.add_argument(
        "--chunk", type=int, default=10_000, metavar="ROWS", help="rows predicted at once (%(default)s)"
    )
    predict.set_defaults(action=_predict)


def run(options: argparse.Namespace) -> int:
    if parse_uri(options.model_uri) is not None:
        # Looking a model up is no reason to make a store.
        Client().check_exists()
    return int(options.action(options))


def _of_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--model-uri",
        required=True,
        metavar="URI",
        help="models:/digits/Production, runs:/<run id>/model, a path",
    )
    parser.add_argument(
        "--store",
        metavar="FOLDER",
        default=argparse.SUPPRESS,
        help="the store, a folder .nbtrack, as before the command",
    )
    parser.add_argument("--trust", action="store_true", help="load pickles that no run of this store logged, too")


def _serve(options: argparse.Namespace) -> int:
    from ..serving import ModelServer

    server = ModelServer(
        options.model_uri,
        host=options.host,
        port=options.port,
        trust=options.trust,
        follow=options.follow,
        max_body=options.max_body * _MB,
        threads=options.threads,
    )
    uri = server.served.uri
    present = "" if uri == options.model_uri else f" ({uri} now)" if options.follow else f" ({uri})"
    print(f"Serving {options.model_uri}{present} at {server.url} (Ctrl-C ends it)", flush=True)
    server.run()
    return 0


def _predict(options: argparse.Namespace) -> int:
    from ..serving import predict_file

    rows = predict_file(
        options.model_uri,
        options.input,
        options.output,
        chunk=options.chunk,
        params=_params(options.params),
        trust=options.trust,
    )
    print(f"{rows:,} {'row' if rows == 1 else 'rows'} predicted into {options.output}")
    return 0


def _params(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    import orjson

    try:
        params = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidParameter(f"--params is a JSON object: {error}") from error
    if not isinstance(params, dict):
        raise InvalidParameter("--params is a JSON object with a value for each name.")
    return params
