"""`VectorEncoding`: how vectors are stored, in every format: the one place that converts float32 to it and back."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from albert_embed.pipeline.settings.embed_choices import Encoding

MAX_INT8 = 127
# The smallest normal float32. It is the scale of a vector of zeros, too, so that no scale is 0.
_MIN_SCALE = float(np.finfo(np.float32).tiny)
# Bits of a scale's mantissa. With an int8 of 7 bits, the product has 24, as many as a float32 has: it is exact, and a
# vector that is read and written again gets the same integers and the same scale.
_SCALE_BITS = 17
# As int8 at once: what is made on the way stays in the cache. 8,192 vectors of 768 values took 20 ms of a core in one
# piece, and take 9 in these.
_VECTORS_AT_ONCE = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class VectorEncoding:
    """How the values of a vector are stored.

    Attributes:
      name: its name in `--encoding`.
      stored: the type of the elements that are stored, little-endian.
      tf_bytes: whether a tf.Example holds the elements of a row as one string of bytes, not as a list of floats.
      parquet: Arrow's name for the elements in Parquet files.
      parquet_bytes: whether a Parquet file holds the vector of each token (`sequence_output`) as a string of bytes, not
        as a list. Arrow's writer takes 5 µs for a list of 768 values, and 0.3 µs for these bytes.
      values_per_element: values in one element: 8 where each is a bit.
      scaled: whether each vector has a scale, float32, in a column of its own.
    """

    name: str
    stored: np.dtype
    tf_bytes: bool
    parquet: str
    parquet_bytes: bool = False
    values_per_element: int = 1
    scaled: bool = False

    @property
    def is_quantized(self) -> bool:
        """Whether the elements are integers."""
        return self.stored.kind != "f"

    def stored_width(self, width: int) -> int:
        """Returns the elements of a vector of `width` values."""
        return width // self.values_per_element

    def check_width(self, name: str, width: int) -> None:
        """Raises ValueError if a vector of `width` values of the column `name` can't be stored so."""
        if width % self.values_per_element:
            raise ValueError(
                f"--encoding {self.name} stores {self.values_per_element} values in a byte, and {name} has {width:,}; "
                f"give --dimensions a multiple of {self.values_per_element}, or another --encoding"
            )

    def encode(self, vectors: npt.NDArray[np.float32]) -> tuple[np.ndarray, npt.NDArray[np.float32] | None]:
        """Converts vectors to what is stored.

        Args:
          vectors: `[vectors, width]` float32, finite.

        Returns:
          The elements, `[vectors, stored width]` of type `stored`, and the scales, `[vectors]` float32, or None.

        Raises:
          ValueError: if a value is NaN or infinity, which integers have no place for.
        """
        if not self.is_quantized:
            return (to_half(vectors) if self.stored.itemsize == 2 else vectors), None
        if not self.scaled:
            _check_finite(vectors)
            return np.packbits(vectors > 0, axis=1), None
        elements, scales = np.empty(vectors.shape, self.stored), np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), _VECTORS_AT_ONCE):
            piece = slice(start, start + _VECTORS_AT_ONCE)
            peaks = np.abs(vectors[piece]).max(axis=1, initial=0)
            _check_finite(peaks)
            scales[piece] = choose_scales(peaks)
            elements[piece] = np.rint(vectors[piece] / scales[piece, np.newaxis])
        return elements, scales

    def decode(
        self, elements: np.ndarray, width: int, scales: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float32]:
        """Converts elements back to vectors, `[vectors, width]` float32; a bit becomes 1 or -1.

        Args:
          elements: of type `stored`, any number of whole vectors.
          width: of a vector.
          scales: of the vectors, `[vectors]` float32, where they have any.

        Raises:
          ValueError: if these are no whole vectors.
        """
        rows = elements.reshape(-1, self.stored_width(width))
        if self.values_per_element > 1:
            bits = np.unpackbits(rows, axis=1)
            return bits.astype(np.float32) * 2 - 1
        floats = rows.astype(np.float32, copy=False)
        return floats if scales is None else floats * scales[:, np.newaxis]


def _check_finite(values: npt.NDArray[np.float32]) -> None:
    if not np.isfinite(values).all():
        raise ValueError("a vector holds NaN or infinity, which can't be stored as integers")


def choose_scales(peaks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the scale of each vector, `[vectors]` float32: its largest value / 127, rounded up to 17 bits.

    Args:
      peaks: the largest absolute value of each vector.
    """
    exact = np.maximum(peaks.astype(np.float64) / MAX_INT8, _MIN_SCALE)
    mantissas, exponents = np.frexp(exact)
    rounded = np.ldexp(np.ceil(np.ldexp(mantissas, _SCALE_BITS)), exponents - _SCALE_BITS)
    scales: npt.NDArray[np.float32] = rounded.astype(np.float32)
    return scales


def to_half(values: np.ndarray) -> np.ndarray:
    """Converts float32 `values` to float16: the same bits as NumPy's `astype`, in a third of the time."""
    import tensorflow as tf

    with tf.device("CPU"):
        halved: np.ndarray = tf.cast(values, tf.float16).numpy()
        return halved


_FLOAT32, _FLOAT16 = np.dtype("<f4"), np.dtype("<f2")
_ENCODINGS = {
    encoding.name: encoding
    for encoding in (
        VectorEncoding(name="float_list", stored=_FLOAT32, tf_bytes=False, parquet="float32"),
        VectorEncoding(name="float32_bytes", stored=_FLOAT32, tf_bytes=True, parquet="float32", parquet_bytes=True),
        VectorEncoding(name="float16_bytes", stored=_FLOAT16, tf_bytes=True, parquet="float16", parquet_bytes=True),
        VectorEncoding(name="int8", stored=np.dtype("i1"), tf_bytes=True, parquet="int8", scaled=True),
        VectorEncoding(name="binary", stored=np.dtype("u1"), tf_bytes=True, parquet="uint8", values_per_element=8),
    )
}


def find_encoding(name: Encoding) -> VectorEncoding:
    """Returns the encoding with a name of `--encoding`."""
    return _ENCODINGS[name]
