"""`nbtrack models`: serves a model over HTTP, or writes predictions for a file."""

from __future__ import annotations

import argparse
from typing import Any

from ..client import Client
from ..errors import InvalidParameter
from ..model_registry.uris import parse_uri

HELP = "Serve a model over HTTP, or write predictions for the rows of a file."

_MB = 1_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    serve = actions.add_parser("serve", help="serve a model over HTTP, with the protocol of `mlflow models serve`")
    _of_model(serve)
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    serve.add_argument(
        "--port", type=int, default=5000, help="the port to listen on; 0 chooses a free one (default: %(default)s)"
    )
    serve.add_argument(
        "--follow", action="store_true", help="switch to the new version whenever another version enters the stage"
    )
    serve.add_argument(
        "--max-body", type=int, default=64, metavar="MB", help="the largest request body, in MB (default: %(default)s)"
    )
    serve.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="how many requests are predicted at the same time (default: one per core, and at least 2)",
    )
    serve.set_defaults(action=_serve)
    predict = actions.add_parser("predict", help="write a prediction for each row of a file")
    _of_model(predict)
    predict.add_argument(
        "-i", "--input", required=True, metavar="FILE", help="the rows: .csv, .parquet, .jsonl or .json"
    )
    predict.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="the predictions: .csv, .parquet or .jsonl"
    )
    predict.add_argument(
        "--params", metavar="JSON", help="the params of predict as a JSON object, such as '{\"loud\": true}'"
    )
    predict.add_argument(
        "--chunk",
        type=int,
        default=10_000,
        metavar="ROWS",
        help="how many rows are predicted at a time (default: %(default)s)",
    )
    predict.set_defaults(action=_predict)


def run(options: argparse.Namespace) -> int:
    if parse_uri(options.model_uri) is not None:
        # Looking up a model must not create a store.
        Client().check_exists()
    return int(options.action(options))


def _of_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--model-uri",
        required=True,
        metavar="URI",
        help="the model: models:/digits/Production, runs:/<run ID>/model, or a path",
    )
    parser.add_argument(
        "--store",
        metavar="FOLDER",
        default=argparse.SUPPRESS,
        help="the store, a folder such as .nbtrack",
    )
    parser.add_argument(
        "--trust", action="store_true", help="also load pickles that were not logged by a run of this store"
    )


def _serve(options: argparse.Namespace) -> int:
    # Every command imports this module, but only this action needs the flavors.
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
    present = "" if uri == options.model_uri else f" (currently {uri})" if options.follow else f" ({uri})"
    print(f"Serving {options.model_uri}{present} at {server.url} (press Ctrl-C to stop)", flush=True)
    server.run()
    return 0


def _predict(options: argparse.Namespace) -> int:
    # Every command imports this module, but only this action needs the flavors.
    from ..serving import predict_file

    rows = predict_file(
        options.model_uri,
        options.input,
        options.output,
        chunk=options.chunk,
        params=_params(options.params),
        trust=options.trust,
    )
    print(f"Wrote predictions for {rows:,} {'row' if rows == 1 else 'rows'} to {options.output}")
    return 0


def _params(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    import orjson

    try:
        params = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidParameter(f"--params is not valid JSON: {error}") from error
    if not isinstance(params, dict):
        raise InvalidParameter("--params must be a JSON object with the values by name, such as '{\"loud\": true}'.")
    return params
