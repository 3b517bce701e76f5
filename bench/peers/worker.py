"""One peer on one piece of work: prints `ready`, then answers each line `SECONDS` with the times of that long, as JSON.

    worker.py PEER NET MODE BATCH THREADS       a peer is pytorch, torch.compile or onnxruntime
"""

import io
import json
import sys
import time

import torch

import nets

SHAPES = {"lenet": (1, 28, 28), "alexnet": (3, 227, 227), "resnet20": (3, 32, 32), "wide_mlp": (784,)}
WEIGHT_DECAY = {"lenet": 5e-4, "alexnet": 5e-4, "resnet20": 1e-4}


def training_step(net, image, compiled):
    if image.dtype == torch.long:  # the next characters
        label = image.roll(-1, 1)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    else:
        label = torch.zeros(len(image), dtype=torch.long)
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=WEIGHT_DECAY.get(sys.argv[2], 0))
    loss_of = lambda: torch.nn.functional.cross_entropy(net(image), label)
    if compiled:
        loss_of = torch.compile(loss_of)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of().backward()
        optimizer.step()

    return step


def inference(net, image, peer, threads):
    net.eval()
    if peer == "onnxruntime":
        import onnxruntime

        file = io.BytesIO()
        torch.onnx.export(net, (image,), file, dynamo=False, input_names=["image"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
        feed = {"image": image.numpy()}
        return lambda: session.run(None, feed)
    run = torch.compile(net) if peer == "torch.compile" else net

    def infer():
        with torch.inference_mode():
            run(image)

    return infer


def main():
    peer, name, mode, batch, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = getattr(nets, name)()
    if name == "small_gpt":
        image = torch.randint(65, (batch, 64))
    else:
        image = torch.randn(batch, *SHAPES.get(name, (3, 224, 224)))
    if mode == "train":
        work = training_step(net, image, peer == "torch.compile")
    else:
        work = inference(net, image, peer, threads)
    for _ in range(3):
        work()
    print("ready", flush=True)
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        while len(times) < 3 or time.perf_counter() < end:
            begin = time.perf_counter()
            work()
            times.append(time.perf_counter() - begin)
        print(json.dumps(times), flush=True)


main()
