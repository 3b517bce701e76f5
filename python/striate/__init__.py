"""Striate from Python: `.nn` programs compiled, applied to NumPy arrays and trained on them.

    import striate
    model = striate.load("lenet.nn", weights="runs/1/model.safetensors")
    logits = model.predict(image=images)          # any number of examples

    model = striate.load("lenet.nn", training=True)
    model.settings["optimizer.lr"] = 0.01
    loss = model.train_step(image=images, label=labels)["loss"].mean()
    model.save("lenet.safetensors")

Arrays hold what the data has, before what the program does to its fields. Anything that NumPy or DLPack understands will
do (a PyTorch tensor, say); results are NumPy arrays.
"""

from striate._model import Error, Model, Tensor, load, version

__all__ = ["Error", "Model", "Tensor", "load", "version"]
