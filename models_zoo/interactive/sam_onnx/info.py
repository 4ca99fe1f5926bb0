"""What `sam_onnx` is; imports neither torch nor onnxruntime."""

from __future__ import annotations

from models_zoo.info import InteractiveInfo
from models_zoo.marks import MarkKind

INFO = InteractiveInfo(
    name="sam_onnx",
    title="Segment anything (ONNX files)",
    accepts=frozenset(MarkKind),
    entry="models_zoo.interactive.sam_onnx.segmenter:SamSegmenter",
    needs_features=False,
    summary="Runs an encoder and a decoder of the segment-anything family that you bring as ONNX files.",
    paper="Kirillov et al., ICCV 2023 (arXiv 2304.02643)",
    files=("encoder", "decoder"),
)
