"""Prints the polynomials of passes/expand_elementary.cpp: run it with mpmath installed, and paste.

Each is a minimax fit (the exchange algorithm of Remez 1934) of a function over a basis of powers, weighted so that what
is levelled is the relative error of the whole result. The lowest coefficients, whose rounding to float matters, are
rounded one by one and the others fitted again, so that they make up for it.
"""

import struct

from mpmath import atanh, cos, erf, erfc, exp, linspace, log, lu_solve, matrix, mp, mpf, pi, sin, sqrt, tanh

mp.prec = 160


def rounded(x):
    return mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def fit(function, weight, powers, low, high):
    """Coefficients c of sum c[k] * x**powers[k] with level weight(x) * (function(x) - sum), and that level."""
    count = len(powers)
    grid = [(low + high) / 2 - (high - low) / 2 * cos(pi * i / 400) for i in range(401)]
    values = [(x, function(x), weight(x)) for x in grid]
    chosen = [values[round(400 * (i + mpf(1) / 2) / (count + 1))] for i in range(count + 1)]
    for _ in range(30):
        rows, right = matrix(count + 1, count + 1), matrix(count + 1, 1)
        for i, (x, f, w) in enumerate(chosen):
            for k, power in enumerate(powers):
                rows[i, k] = w * x**power
            rows[i, count] = (-1) ** i
            right[i] = w * f
        solution = lu_solve(rows, right)
        coefficients, level = list(solution)[:count], abs(solution[count])
        errors = [(w * (f - sum(c * x**p for c, p in zip(coefficients, powers))), (x, f, w)) for x, f, w in values]
        # The largest error of each stretch of one sign.
        peaks = []
        for error, point in errors:
            if peaks and (error > 0) == (peaks[-1][0] > 0):
                if abs(error) > abs(peaks[-1][0]):
                    peaks[-1] = (error, point)
            else:
                peaks.append((error, point))
        while len(peaks) > count + 1:
            peaks.pop(0 if abs(peaks[0][0]) < abs(peaks[-1][0]) else -1)
        if len(peaks) < count + 1:
            break
        chosen = [point for _, point in peaks]
        if max(abs(e) for e, _ in peaks) < level * mpf("1.0001"):
            break
    return coefficients, max(abs(e) for e, _ in errors)


def report(name, function, weight, degree, low, high):
    fixed, left = [], function
    for power in range(3):
        coefficients, _ = fit(left, weight, range(power, degree + 1), mpf(low), mpf(high))
        fixed.append(rounded(coefficients[0]))
        left = lambda x, f=left, c=fixed[-1], p=power: f(x) - c * x**p
    fixed += [rounded(c) for c in coefficients[1:]]
    left = lambda x: function(x) - sum(c * x**p for p, c in enumerate(fixed))
    error = max(abs(weight(x) * left(x)) for x in linspace(mpf(low), mpf(high), 1000))
    print(f"{name}: relative error {float(error):.2e}")
    print("  {" + ", ".join(short(c) for c in fixed) + "}")


def short(x):
    """As a hexadecimal literal without its trailing zeros."""
    mantissa, exponent = float(x).hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent


def split(name, value, bits):
    """A constant as floats of the given numbers of bits, each the rest of those before."""
    parts = []
    for b in bits:
        shift = mpf(2) ** (b - 1 - mp.floor(log(abs(value), 2)))
        parts.append(mp.nint(value * shift) / shift)
        value -= parts[-1]
    print(f"{name}: " + ", ".join(short(p) for p in parts))


def near_zero(x):
    return x if abs(x) > mpf(2) ** -20 else mpf(2) ** -20


def at(function):
    """A quotient that is 0/0 at 0: taken next to it."""
    return lambda x: function(near_zero(x))


half = log(2) / 2 + mpf("1e-4")
report("exp: (exp(r) - 1 - r) / r^2", at(lambda r: (exp(r) - 1 - r) / r**2), lambda r: r**2 / exp(r), 4, -half, half)
report("log: (log(1 + f) - f + f^2/2) / f^3", at(lambda f: (log(1 + f) - f + f**2 / 2) / f**3),
       at(lambda f: f**3 / log(1 + f)), 8, sqrt(mpf(1) / 2) - 1, sqrt(2) - 1)
report("tanh: (tanh(x)/x - 1) / z, z = x^2", at(lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z),
       at(lambda z: z * sqrt(z) / tanh(sqrt(z))), 5, mpf(2) ** -20, 0.6**2)
report("erf: erf(x)/x - 1, z = x^2", at(lambda z: erf(sqrt(z)) / sqrt(z) - 1),
       at(lambda z: sqrt(z) / erf(sqrt(z))), 6, mpf(2) ** -20, 1)
report("erf: log(erfc(x))", lambda x: log(erfc(x)), lambda x: erfc(x) / erf(x), 9, 1, 4)
report("sin: (sin(r)/r - 1) / z, z = r^2", at(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z),
       at(lambda z: z * sqrt(z) / sin(sqrt(z))), 2, mpf(2) ** -20, (pi / 4 + mpf("1e-3")) ** 2)
report("cos: (cos(r) - 1 + z/2) / z^2, z = r^2", at(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2),
       lambda z: z**2 / cos(sqrt(z)), 2, mpf(2) ** -20, (pi / 4 + mpf("1e-3")) ** 2)
report("atanh: (atanh(s)/s - 1) / z, z = s^2", at(lambda z: (atanh(sqrt(z)) / sqrt(z) - 1) / z),
       at(lambda z: z * sqrt(z) / atanh(sqrt(z))), 3, mpf(2) ** -20, (3 - 2 * sqrt(2)) ** 2)
split("ln 2, product with 9 bits exact", log(2), (15, 24))
split("pi/2", pi / 2, (24, 24, 24))
