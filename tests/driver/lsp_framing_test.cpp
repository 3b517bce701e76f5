#include "driver/lsp_framing.h"

#include <gtest/gtest.h>

namespace striate::lsp {
namespace {

using State = FrameReader::State;

TEST(LspFraming, AMessageIsThereWithItsLastByte) {
  const std::string text = framed("{\"a\": 1}") + framed("") + framed("second");
  FrameReader frames;
  std::vector<std::string> messages;
  std::string body;
  for (const char byte : text) {
    frames.append({&byte, 1});
    while (frames.next(body) == State::Message) messages.push_back(body);
  }
  EXPECT_EQ(messages, (std::vector<std::string>{"{\"a\": 1}", "", "second"}));
  EXPECT_FALSE(frames.is_inside());
}

TEST(LspFraming, HeadersInAnyCaseAndOrder) {
  FrameReader frames;
  frames.append("Content-Type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-LENGTH:  2 \r\n\r\n{}x");
  std::string body;
  ASSERT_EQ(frames.next(body), State::Message);
  EXPECT_EQ(body, "{}");
  EXPECT_EQ(frames.next(body), State::Incomplete);
  EXPECT_TRUE(frames.is_inside());
}

TEST(LspFraming, WhatIsNoFrameIsRefusedForGood) {
  for (const std::string& text :
       {std::string("hello\r\n\r\n"), std::string("\r\n{}"), std::string("Content-Length: \r\n\r\n"),
        std::string("Content-Length: 1x\r\n\r\n"), std::string("Content-Length: -1\r\n\r\n"),
        std::string("Content-Length: 99999999999999999999\r\n\r\n"),
        std::string("Content-Length: 67108865\r\n\r\n"), std::string(kHeaderLimit + 1, 'x'),
        "A: " + std::string(kHeaderLimit, 'x') + "\r\n"}) {
    FrameReader frames;
    frames.append(text);
    std::string body;
    EXPECT_EQ(frames.next(body), State::Broken) << text.substr(0, 40);
    EXPECT_FALSE(frames.problem().empty());
    frames.append(framed("{}"));
    EXPECT_EQ(frames.next(body), State::Broken);
  }
}

} // namespace
} // namespace striate::lsp
