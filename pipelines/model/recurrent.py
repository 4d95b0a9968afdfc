"""An LSTM over rows padded on the right: `keras.layers.LSTM` with a mask, in a third of its time on a processor.

    z_t = x_t W + h_{t-1} U + b                           for the gates i, f, g, o side by side
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)         h_t = sigmoid(o) tanh(c_t)

The cell is that of Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000). Dropout is that of Gal
and Ghahramani (2016): each row has masks for its inputs and for its states that stay the same over time. Weights, their
initial values, the outputs, the gradients and the distribution of the masks are those of Keras's layer. What is faster:

- the loop over time has only what needs the step before; all inputs are multiplied by W in one product before it;
- its gradient is written by hand: the loop back computes the gradient of z alone, and those of U, W and x are a product
  each over all steps, where automatic differentiation adds up the gradient of U step by step;
- nothing is masked in the loops: what a row computes behind its end is read by nobody, and has the gradient 0.
"""

from functools import partial

import numpy as np

from pipelines.model.backend import keras, tf

GATES = 4  # input, forget, cell, output: the order in Keras's weights

Masks = list[tf.Tensor | None]  # one for all gates or one for each; None drops nothing


class RightPaddedLSTM(keras.layers.Layer):
    """From x (n, T, in) and the rows' lengths, int32 (n,), to the last states (n, d H), or all of them (n, T, d H).

    d is 1 or 2 directions, H the units; the second direction reads each row from its end. The last state of an empty
    row is 0. With `return_sequences`, the states behind a row's end have no meaning.
    """

    def __init__(
        self,
        units: int,
        bidirectional: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        name: str | None = None,
    ):
        super().__init__(name=name)
        self.units, self.bidirectional, self.return_sequences = units, bidirectional, return_sequences
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.seeds = keras.random.SeedGenerator()

    def build(self, x_shape: tuple[int | None, ...], lengths_shape: tuple[int | None, ...]) -> None:
        self.directions = [self._add_weights(x_shape[-1]) for _ in range(1 + self.bidirectional)]

    def _add_weights(self, width: int) -> tuple[keras.Variable, keras.Variable, keras.Variable]:
        forget = np.repeat(np.float32([0, 1, 0, 0]), self.units)
        return (
            self.add_weight((width, GATES * self.units), "glorot_uniform", name="kernel"),
            self.add_weight((self.units, GATES * self.units), "orthogonal", name="recurrent_kernel"),
            self.add_weight((GATES * self.units,), lambda shape, dtype: tf.constant(forget, dtype), name="bias"),
        )

    def compute_output_shape(self, x_shape: tuple[int | None, ...], lengths_shape: tuple[int | None, ...]):
        width = (1 + self.bidirectional) * self.units
        return (*x_shape[:2], width) if self.return_sequences else (x_shape[0], width)

    def call(self, x: tf.Tensor, lengths: tf.Tensor, training: bool = False) -> tf.Tensor:
        steps = tf.transpose(x, (1, 0, 2))
        ends = tf.stack([lengths, tf.range(tf.size(lengths))], axis=1)
        reverse = partial(tf.reverse_sequence, seq_lengths=lengths, seq_axis=0, batch_axis=1)
        outputs = []
        for weights, turn in zip(self.directions, (tf.identity, reverse), strict=False):
            states = self._states(turn(steps), *weights, training)
            outputs.append(turn(states[1:]) if self.return_sequences else tf.gather_nd(states, ends))
        output = tf.concat(outputs, axis=-1)
        return tf.transpose(output, (1, 0, 2)) if self.return_sequences else output

    def _states(self, x, kernel, recurrent_kernel, bias, training: bool) -> tf.Tensor:
        """The states of one direction, (T + 1, n, H): the first is 0. x is (T, n, in)."""
        rows = tf.shape(x)[1]
        masks = self._masks((rows, x.shape[-1]), self.dropout if training else 0.0)
        z = [tf.tensordot(_dropped(x, mask), part, 1) for mask, part in zip(masks, _parts(kernel, masks), strict=True)]
        masks = self._masks((rows, self.units), self.recurrent_dropout if training else 0.0)
        kept = [mask for mask in masks if mask is not None]
        return recurrence(tf.concat(z, axis=-1) + bias, tf.convert_to_tensor(recurrent_kernel), *kept)

    def _masks(self, shape: tuple, rate: float) -> Masks:
        """As `keras.layers.LSTMCell` draws them: one for each gate if states are dropped, else one for all."""
        if not rate:
            return [None]
        count = GATES if self.recurrent_dropout else 1
        return [keras.random.dropout(tf.ones(shape), rate, seed=self.seeds) for _ in range(count)]


@tf.custom_gradient
def recurrence(z: tf.Tensor, kernel: tf.Tensor, *masks: tf.Tensor):
    """The states h_0 = 0 to h_T, (T + 1, n, H), from x W + b, (T, n, 4 H), U, (H, 4 H), and its masks, (n, H) each."""
    masks = masks or (None,)
    kernels = _parts(kernel, masks)
    gates, cells, states = _forward(z, kernels, masks)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        dz = _backward(upstream, gates, cells, kernels, masks)
        inputs = (_flat(_dropped(states[:-1], mask)) for mask in masks)
        dkernel = [
            tf.matmul(h, part, transpose_a=True) for h, part in zip(inputs, _parts(_flat(dz), masks), strict=True)
        ]
        return dz, tf.concat(dkernel, axis=1), *(None for mask in masks if mask is not None)

    return states, gradient


def _forward(z: tf.Tensor, kernels: list[tf.Tensor], masks: Masks) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The gates' values (T, n, 4 H), the cells and the states (T + 1, n, H).

    The loop writes step t at place t, without the zeros before the first: else `model.export` to ONNX cannot read it.
    """
    count, units = tf.shape(z)[0], kernels[0].shape[0]
    zero = tf.zeros_like(z[0, :, :units])

    def step(t, h, c, gates, cells, states):
        products = [tf.matmul(_dropped(h, mask), part) for mask, part in zip(masks, kernels, strict=True)]
        i, f, g, o = tf.split(z[t] + tf.concat(products, axis=1), GATES, axis=1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        c = f * c + i * g
        h = o * tf.tanh(c)
        gates = gates.write(t, tf.concat([i, f, g, o], axis=1))
        return t + 1, h, c, gates, cells.write(t, c), states.write(t, h)

    start = 0, zero, zero, _array(count, GATES * units), _array(count, units), _array(count, units)
    *_, gates, cells, states = tf.while_loop(lambda t, *_: t < count, step, start)
    return gates.stack(), *(tf.concat([[zero], array.stack()], axis=0) for array in (cells, states))


def _backward(upstream: tf.Tensor, gates: tf.Tensor, cells: tf.Tensor, kernels: list[tf.Tensor], masks: Masks):
    """The gradient of z (T, n, 4 H) from that of the states; what needs no loop is computed for all steps at once."""
    count, units = tf.shape(gates)[0], kernels[0].shape[0]
    i, f, g, o = tf.split(gates, GATES, axis=2)
    tanh = tf.tanh(cells[1:])
    dc_by_dh = o * (1 - tanh * tanh)
    by_z = tf.concat([g * i * (1 - i), cells[:-1] * f * (1 - f), i * (1 - g * g), tanh * o * (1 - o)], axis=2)

    def step(t, dh, dc, dz):
        dh += upstream[t + 1]
        dc += dh * dc_by_dh[t]
        dz_t = tf.concat([dc, dc, dc, dh], axis=1) * by_z[t]
        by_mask = zip(_parts(dz_t, masks), kernels, masks, strict=True)
        dh = tf.add_n([_dropped(tf.matmul(part, kernel, transpose_b=True), mask) for part, kernel, mask in by_mask])
        return t - 1, dh, dc * f[t], dz.write(t, dz_t)

    zero = tf.zeros_like(cells[0])
    *_, dz = tf.while_loop(lambda t, *_: t >= 0, step, (count - 1, zero, zero, _array(count, GATES * units)))
    return dz.stack()


def _array(count: tf.Tensor, width: int) -> tf.TensorArray:
    return tf.TensorArray(tf.float32, count, element_shape=(None, width))


def _dropped(x: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    return x if mask is None else x * mask


def _parts(gates: tf.Tensor, masks: Masks) -> list[tf.Tensor]:
    """The columns of each mask's gates."""
    return tf.split(gates, len(masks), axis=-1)


def _flat(x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(x, (-1, x.shape[-1]))
