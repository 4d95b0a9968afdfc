"""A service that answers every text with the same, as FastAPI's documentation writes one."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Asked(BaseModel):
    text: str


@app.post("/prediction")
async def prediction(asked: Asked) -> dict[str, str]:
    return {"label": "ham"}
