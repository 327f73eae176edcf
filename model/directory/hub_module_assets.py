"""Finds the asset file to which an output of a TF1 Hub module's signature refers."""

from __future__ import annotations

from pathlib import Path

from albert_embed.model.directory.saved_model_graph import read_saved_model_graph


def find_hub_asset(directory: Path, signature: str, output: str) -> Path | None:
    """Returns the file of `output` of `signature`, in the meta graph without tags; None where it is no asset.

    Running the signature does not give it: tensorflow_hub's exporter writes "SAVEDMODEL-ASSET" in place of every path
    (tensorflow/hub, saved_model_lib.py, `_make_assets_key_collection`), and `tf.saved_model.load` feeds the real paths
    to initialisers only. The meta graph says which tensor refers to which file.

    Raises:
      ValueError: if `saved_model.pb` can't be parsed.
    """
    from tensorflow.core.protobuf import meta_graph_pb2

    for meta_graph in read_saved_model_graph(directory).meta_graphs:
        if meta_graph.meta_info_def.tags or signature not in meta_graph.signature_def:
            continue
        assets = list(meta_graph.asset_file_def)
        for packed in meta_graph.collection_def["saved_model_assets"].any_list.value:
            asset = meta_graph_pb2.AssetFileDef()
            packed.Unpack(asset)
            assets.append(asset)
        wanted = meta_graph.signature_def[signature].outputs[output].name
        for asset in assets:
            if asset.tensor_info.name == wanted:
                return directory / "assets" / str(asset.filename)
    return None
