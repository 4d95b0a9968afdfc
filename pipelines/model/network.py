"""A variant's parameters as an untrained Keras model, and nothing else.

    ids (n, tokens) -> embedding -> LSTM in one or both directions -> last state or maximum over time -> logits ----+
    words, characters (n, n-grams) -> table of weights -> score of each set, added up -> logits --------------------+
                                                                               sum -> probabilities (n, labels) <---+

A model has the deep part, the wide part (`pipelines.model.wide`), or both (wide and deep, Cheng et al., 2016). Rows are
right-padded with 0; the padding is masked, so it changes no prediction. Layers with weights are named for the export.
"""

from pipelines.model.backend import keras
from pipelines.model.wide import BAGS, TINY, Wide
from pipelines.params import Network, Variant

layers, ops = keras.layers, keras.ops


def build(variant: Variant, vocabulary: int, labels: int) -> keras.Model:
    """`vocabulary` counts the ids, padding and unknown included. The inputs are a dict by their names."""
    inputs, logits = {}, []
    if variant.network:
        inputs["ids"] = keras.Input((None,), dtype="int32", name="ids")
        logits.append(_deep(variant.network, vocabulary, labels)(inputs["ids"]))
    if variant.wide:
        inputs |= {bag: keras.Input((None,), dtype="int32", name=bag) for bag in BAGS}
        logits.append(_wide(inputs, variant.tokens.buckets, labels))
    return keras.Model(inputs, layers.Softmax()(sum(logits[1:], logits[0])))


def residual(model: keras.Model, labels: int) -> keras.Model:
    """The same deep part, to be trained on top of fixed logits: [ids, offset (n, labels)] -> probabilities."""
    ids, offset = keras.Input((None,), dtype="int32"), keras.Input((labels,))
    return keras.Model([ids, offset], layers.Softmax()(model.get_layer("deep")(ids) + offset))


def set_wide(model: keras.Model, wide: Wide) -> None:
    """Give the model a fitted wide part."""
    model.get_layer("table").set_weights([wide.table])
    model.get_layer("calibration").set_weights([wide.kernel, wide.bias])


def _deep(network: Network, vocabulary: int, labels: int) -> keras.Model:
    ids = keras.Input((None,), dtype="int32")
    x = layers.Embedding(vocabulary, network.embedding, mask_zero=True, name="embedding")(ids)
    x = layers.SpatialDropout1D(network.embedding_dropout)(x)
    recurrent = layers.LSTM(
        network.units,
        dropout=network.dropout,
        recurrent_dropout=network.recurrent_dropout,
        return_sequences=network.pooling == "max",
        name="recurrent",
    )
    if network.bidirectional:
        recurrent = layers.Bidirectional(recurrent, name="recurrent")
    x = recurrent(x)
    if network.pooling == "max":
        real = ops.expand_dims(ops.not_equal(ids, 0), -1)
        x = ops.max(ops.where(real, x, -1.0), axis=1)  # an LSTM's outputs lie in (-1, 1): -1 never wins
    x = layers.Dropout(network.output_dropout)(x)
    return keras.Model(ids, layers.Dense(labels, name="output")(x), name="deep")


def _wide(inputs: dict, buckets: int, labels: int):
    scores = 1 if labels == 2 else labels
    table = layers.Embedding(buckets, scores + 1, name="table")
    summed = [ops.sum(table(inputs[bag]), axis=1) for bag in BAGS]
    score = sum(s[:, :-1] / ops.sqrt(ops.maximum(s[:, -1:], TINY)) for s in summed)
    return layers.Dense(labels, name="calibration")(score)
