"""A reference service the way the workshop builds one: FastAPI with synchronous routes, `model.predict`, cqlengine.

An answer is read from the table of answers; where it is missing, the model predicts and a row is written. Every call is
logged under its caller.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid1

import numpy as np
from cassandra.cqlengine import columns, connection
from cassandra.cqlengine.management import create_keyspace_simple, sync_table
from cassandra.cqlengine.models import Model
from fastapi import FastAPI, Request
from pydantic import BaseModel

from registry.model.tokenizer import Tokenizer

KEYSPACE = "workshop"
LABELS = ("ham", "spam")
LENGTH = 300


class Answer(Model):
    __keyspace__ = KEYSPACE
    text = columns.Text(primary_key=True)
    label = columns.Text()
    confidence = columns.Float()


class Call(Model):
    __keyspace__ = KEYSPACE
    caller = columns.Text(primary_key=True)
    id = columns.TimeUUID(primary_key=True, clustering_order="DESC", default=uuid1)
    text = columns.Text()
    label = columns.Text()
    confidence = columns.Float()


class Asked(BaseModel):
    text: str


def connect(host: str, port: int) -> None:
    """Connect cqlengine to the node, and make the tables that are not there yet."""
    connection.setup([host], KEYSPACE, port=port, protocol_version=4)
    create_keyspace_simple(KEYSPACE, replication_factor=1)
    for table in (Answer, Call):
        sync_table(table)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    from keras.saving import load_model

    connect(os.environ["CASSANDRA_CONTACT_POINTS"], int(os.environ["CASSANDRA_PORT"]))
    app.state.model = load_model(os.environ["MODEL"])
    app.state.tokenizer = Tokenizer.from_json(Path(os.environ["TOKENIZER"]).read_text())
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/prediction")
def prediction(asked: Asked, request: Request) -> dict[str, str | float]:
    answer = Answer.objects(text=asked.text).first()
    if answer is None:
        label, confidence = predict(asked.text)
        answer = Answer.create(text=asked.text, label=label, confidence=confidence)
    Call.create(caller=request.client.host, text=asked.text, label=answer.label, confidence=answer.confidence)
    return {"text": asked.text, "label": answer.label, "confidence": answer.confidence}


def predict(text: str) -> tuple[str, float]:
    """The label and its probability."""
    ids = app.state.tokenizer.encode(text)["ids"]
    padded = np.array([[0] * (LENGTH - len(ids)) + ids], dtype="int32")
    (probabilities,) = app.state.model.predict(padded, verbose=0)
    best = int(probabilities.argmax())
    return LABELS[best], float(probabilities[best])
