"""Cut the attention mesh network at load time into two plain TFLite graphs around its three custom operators.

MediaPipe's `face_landmark_with_attention.tflite` (Grishchenko et al. 2020, "Attention Mesh") holds operators that
LiteRT does not know: Landmarks2TransformMatrix, TransformTensorBilinear and TransformLandmarks. Everything else is
plain. So the flatbuffer is split in memory into a *trunk* (image → feature map, coarse mesh, face flag) and *heads*
(three sampled patches → lips, eyes, irises); `facevlm.faces.mesh` computes the custom operators between them. Nothing
is written to disk.
"""

import copy
import struct
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from flatbuffers.builder import Builder

from facevlm.errors import WeightsError

FEATURES, COARSE, FLAG = "p_re_lu_3", "output_mesh", "conv_faceflag"
PATCHES = ("transform_tensor_bilinear_v2", "transform_tensor_bilinear_v2_1", "transform_tensor_bilinear_v2_2")
HEADS = ("conv_lips", "conv_left_eye", "conv_right_eye", "conv_left_iris", "conv_right_iris")


@dataclass(frozen=True)
class Region:
    """One attended region: lips, or one eye.

    Attributes:
        points: int64 (N,) mesh indices whose bounding box is attended, and which the head refines.
        axis: Mesh indices (from, to) whose direction is the x axis of the patch.
        scale: Factor of the bounding box.
        patch: Side of the sampled patch in cells.
    """

    points: np.ndarray
    axis: tuple[int, int]
    scale: float
    patch: int


@dataclass(frozen=True)
class AttentionGraph:
    """The two plain graphs and what the custom operators between them need.

    Attributes:
        trunk: TFLite flatbuffer: float32 (1, 192, 192, 3) in [0, 1] → outputs `trunk_outputs` in this order.
        heads: TFLite flatbuffer: three float32 (1, 16, 16, 32) patches → outputs named `HEADS`.
        regions: Lips, the eye around mesh point 33 (subject's right), the eye around 263 (subject's left).
    """

    trunk: bytes
    heads: bytes
    regions: tuple[Region, Region, Region]


def cut(model: bytes) -> AttentionGraph:
    """Split the attention mesh flatbuffer.

    Args:
        model: Content of `face_landmark_with_attention.tflite`.

    Raises:
        WeightsError: The file lacks the tensors or operators that the pinned file has.
    """
    whole = _parsed(model)
    graph = whole.subgraphs[0]
    names = {tensor.name.decode(): i for i, tensor in enumerate(graph.tensors)}
    missing = [n for n in (FEATURES, COARSE, FLAG, *PATCHES, *HEADS) if n not in names]
    if missing:
        raise WeightsError(
            f"the mesh network has no tensor {missing[0]!r}",
            where="mesh_attention",
            mend="use the pinned file: facevlm weights fetch",
        )
    regions = tuple(_region(whole, operator) for operator in graph.operators if _custom(whole, operator) == "matrix")
    if len(regions) != 3:
        raise WeightsError(f"the mesh network attends to {len(regions)} regions, not 3", where="mesh_attention")
    return AttentionGraph(
        trunk=_subgraph(whole, [graph.inputs[0]], [names[n] for n in (FEATURES, COARSE, FLAG)]),
        heads=_subgraph(whole, [names[n] for n in PATCHES], [names[n] for n in HEADS]),
        regions=(regions[0], regions[1], regions[2]),
    )


def _parsed(model: bytes) -> "schema.ModelT":
    try:
        whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
        if whole.subgraphs:
            return whole
    except (struct.error, ValueError, IndexError, TypeError) as error:  # what flatbuffers raises on damaged offsets
        raise WeightsError(
            f"the mesh network cannot be read ({error})",
            where="mesh_attention",
            mend="use the pinned file: facevlm weights fetch",
        ) from error
    raise WeightsError("the mesh network is empty", where="mesh_attention", mend="use the pinned file")


def _custom(whole: "schema.ModelT", operator: "schema.OperatorT") -> str | None:
    code = whole.operatorCodes[operator.opcodeIndex].customCode
    return {b"Landmarks2TransformMatrix": "matrix"}.get(code)


def _region(whole: "schema.ModelT", operator: "schema.OperatorT") -> Region:
    options = flexbuffers.Loads(bytearray(operator.customOptions))
    return Region(
        points=np.array(options["subset_idxs"], np.int64),
        axis=(int(options["left_rotation_idx"]), int(options["right_rotation_idx"])),
        scale=float(options["scale_x"]),
        patch=int(options["output_width"]),
    )


def _subgraph(whole: "schema.ModelT", inputs: list[int], outputs: list[int]) -> bytes:
    """The operators that lead from `inputs` to `outputs`, as a flatbuffer of their own."""
    part = copy.copy(whole)
    graph = copy.copy(whole.subgraphs[0])
    wanted, kept = set(outputs), []
    for operator in reversed(graph.operators):
        if wanted.intersection(operator.outputs) and not set(inputs).issuperset(operator.outputs):
            kept.append(operator)
            wanted.update(int(i) for i in operator.inputs)
    graph.operators = kept[::-1]
    graph.inputs, graph.outputs = inputs, outputs
    part.subgraphs, part.signatureDefs = [graph], []
    builder = Builder(1 << 20)
    builder.Finish(part.Pack(builder), b"TFL3")
    return bytes(builder.Output())
