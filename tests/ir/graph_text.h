// A small training graph in text form, in the `graph` stage and in the `regions` stage; shared by the graph's
// tests.
#pragma once

#include "ir/graph/parse.h"

#include <gtest/gtest.h>

#include <string>

namespace striate {

inline const char* const kCalls = R"(graph Net.step {
  scalar optimizer.lr = 0.01
  input %image : f32[N,1,6,6] loc("net.nn":3:5)
  input %label : i32[N]
  param %conv1.weight : f32[4,1,3,3] trainable next %conv1.weight.next = random(9*d0 + 9*d1 + 3*d2 + d3; 7) - 0.5
  state %conv1.weight.velocity : f32[4,1,3,3] group "conv1.weight" next %conv1.weight.next = 0
  %conv1 : f32[N,4,4,4] = conv2d(%image, %conv1.weight) {bias = false, dilation = 1.0, mode = "same \"x\"", padding = [0, 0], stride = -1} @conv2d.0 path "features.conv1" loc("net.nn":7:9+12)
  %pool1 : f32[N,4,2,2] loc("net.nn":8:1), %pool1.1 : u8[N,4,2,2] = max_pool2d(%conv1) @max_pool2d.0 loc("net.nn":7:30)
  %loss : f32[N] = "odd op"(%pool1, %label) @op.0
  %conv1.weight.next : f32[4,1,3,3] = sgd(%conv1.weight, %conv1.weight.velocity) @sgd.0
  output loss = %loss
  decide "derive" "conv1" -> "gather" : "the index equation has one solution" estimate 0.00125 instead of {"scatter" = 0.5, "phases" = 2}
}

define @conv2d.0 op conv2d(x: f32[N,1,6,6], k: f32[4,1,3,3]) -> (y) {
  let y: f32[N,4,4,4]
  y[n, o, i, j] = sum(c: 1, r: 3, s: 3) k[o, c, r, s] * x[n, c, i + r, j + s]
}

define @max_pool2d.0 op max_pool2d(x: f32[N,4,4,4]) -> (y, which) {
  let y: f32[N,4,2,2], which: u8[N,4,2,2]
  y[n, c, i, j] = max(r: 2, s: 2) x[n, c, 2*i + r, 2*j + s]
  which[n, c, i, j] = argmax(r: 2, s: 2) x[n, c, 2*i + r, 2*j + s]
}

define @op.0 op "odd op"(x: f32[N,4,2,2], label: i32[N]) -> (y) {
  let y: f32[N]
  y[n] = sum(c: 4, i: 2, j: 2) select(label[n] == c, x[n, c, i, j], 0)
}

define @sgd.0 op sgd(w: f32[4,1,3,3], v: f32[4,1,3,3]) -> (u) {
  let u: f32[4,1,3,3]
  u[o, c, r, s] = w[o, c, r, s] - $optimizer.lr * v[o, c, r, s]
}
)";

inline const char* const kRegions = R"(graph Net.eval {
  arena 8192
  input %image : f32[N,1,6,6] layout (d0/16, d1, d2, d3, d0%16) offset 0
  param %weight : f32[20,1,3,3] layout (d0/16, d1, d2, d3, d0%16) offset 4096
  %conv : f32[N,20,4,4] layout (d0/16, d1, d2, d3, d0%16) = conv2d(%image, %weight) @conv2d.0
  %relu : f32[N,20,4,4] layout (d0/16, d1, d2, d3, d0%16) offset 64 zero_in_padding = relu(%conv) @relu.0
  %sum : f32[20] = total(%relu) @total.0
  output sum = %sum
  region "conv + relu" { %conv, %relu } stored %relu cost flops 92160 read 11264 written 81920 intensity 0.989 predicted 2.5e-06 measured 3.14e-06
  region "sum" { %sum } stored %sum
  decide "form_regions" "conv + relu" -> "fused" : "same shape"
}

define @conv2d.0 op conv2d(x: f32[N,1,6,6], k: f32[20,1,3,3]) -> (y) {
  let y: f32[N,20,4,4]
  y[n, o, i, j] = sum(c: 1, r: 3, s: 3) k[o, c, r, s] * x[n, c, i + r, j + s] order (c, r, s)
}

define @relu.0 op relu(x: f32[N,20,4,4]) -> (y) {
  let y: f32[N,20,4,4]
  y[n, o, i, j] = max(x[n, o, i, j], 0)
}

define @total.0 op total(x: f32[N,20,4,4]) -> (y) {
  let y: f32[20]
  y[o] = sum(n: N, i: 4, j: 4) x[n, o, i, j] order (n/16, i, j; lanes n%16)
}
)";

inline Graph parsed_graph(const std::string& text) {
  Result<Graph> graph = parse_graph(text, "test");
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.failure().message);
  return graph.ok() ? *graph : Graph();
}

} // namespace striate
