"""One peer on one piece of work on the GPU: prints {"seconds": median, "runs": n} as JSON.

    peer.py PEER NET MODE BATCH SECONDS       a peer is pytorch, torch.compile or jax; data lies on the device
"""

import json
import pathlib
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peers"))
SHAPES = {"lenet": (1, 28, 28), "alexnet": (3, 227, 227), "resnet20": (3, 32, 32), "wide_mlp": (784,)}


def measured(work, wait, seconds):
    for _ in range(20):
        work()
    wait()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        # Runs follow each other as in a training; the wait at the end is shared.
        runs = 20
        begin = time.perf_counter()
        for _ in range(runs):
            work()
        wait()
        times.append((time.perf_counter() - begin) / runs)
    print(json.dumps({"seconds": statistics.median(times), "runs": len(times)}))


def with_torch(compiled, name, mode, batch, seconds):
    import torch

    import nets

    torch.backends.cudnn.benchmark = True
    # Striate computes in f32: so do they.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(1)
    layout = torch.channels_last if len(SHAPES.get(name, (3, 224, 224))) == 3 else torch.contiguous_format
    net = getattr(nets, name)().cuda().to(memory_format=layout)
    image = torch.randn(batch, *SHAPES.get(name, (3, 224, 224)), device="cuda").to(memory_format=layout)
    if mode == "train":
        label = torch.zeros(batch, dtype=torch.long, device="cuda")
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, fused=True)
        loss_of = lambda: torch.nn.functional.cross_entropy(net(image), label)
        if compiled:
            loss_of = torch.compile(loss_of, mode="max-autotune")

        def work():
            optimizer.zero_grad(set_to_none=True)
            loss_of().backward()
            optimizer.step()
    else:
        net.eval()
        run = torch.compile(net, mode="max-autotune") if compiled else net

        def work():
            with torch.inference_mode():
                run(image)

    measured(work, torch.cuda.synchronize, seconds)


def with_jax(name, mode, batch, seconds):
    """LeNet and the wide perceptron alone: the others would be another program, not another compiler."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_default_matmul_precision", "highest")
    key = jax.random.PRNGKey(1)

    def weight(*shape):
        return 0.05 * jax.random.normal(key, shape, jnp.float32)

    def convolve(x, w, b):
        return jax.lax.conv_general_dilated(x, w, (1, 1), "VALID") + b[:, None, None]

    def pool(x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    if name == "lenet":
        weights = [weight(20, 1, 5, 5), weight(20), weight(50, 20, 5, 5), weight(50), weight(800, 500), weight(500), weight(500, 10), weight(10)]

        def logits(w, x):
            x = pool(jax.nn.relu(convolve(x, w[0], w[1])))
            x = pool(jax.nn.relu(convolve(x, w[2], w[3])))
            x = jax.nn.relu(x.reshape(x.shape[0], -1) @ w[4] + w[5])
            return x @ w[6] + w[7]
    elif name == "wide_mlp":
        weights = [weight(784, 2048), weight(2048), weight(2048, 2048), weight(2048), weight(2048, 10), weight(10)]

        def logits(w, x):
            x = jax.nn.relu(x @ w[0] + w[1])
            x = jax.nn.relu(x @ w[2] + w[3])
            return x @ w[4] + w[5]
    else:
        raise SystemExit(f"no {name} in JAX here")
    image = jax.random.normal(key, (batch, *SHAPES[name]), jnp.float32)

    def loss(w, x):
        return -jnp.mean(jax.nn.log_softmax(logits(w, x))[:, 0])

    @jax.jit
    def step(w, v, x):
        gradients = jax.grad(loss)(w, x)
        v = [0.9 * velocity + gradient for velocity, gradient in zip(v, gradients)]
        return [weight - 1e-3 * velocity for weight, velocity in zip(w, v)], v

    infer = jax.jit(logits)
    state = [weights, [jnp.zeros_like(w) for w in weights], None]

    def work():
        if mode == "train":
            state[0], state[1] = step(state[0], state[1], image)
        else:
            state[2] = infer(state[0], image)

    measured(work, lambda: jax.block_until_ready(state), seconds)


def main():
    peer, name, mode, batch, seconds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
    if peer == "jax":
        with_jax(name, mode, batch, seconds)
    else:
        with_torch(peer == "torch.compile", name, mode, batch, seconds)


main()
