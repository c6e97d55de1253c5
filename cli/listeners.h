// Listeners of the master beside its own: one dialect at the root of another port, where its clients look for it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::cli {

struct Listener {
  std::string dialect;  // its name (api/dialects/dialects.h)
  std::string address;
  std::uint16_t port = 0;  // 0: a free one

  bool operator==(const Listener&) const = default;
};

// "NAME@1610", "NAME@0.0.0.0:1610", "NAME@[::1]:1610". Without an address they listen on `bind`. invalid: names the
// word. Nor may two be at the same port, or one at the master's own.
Result<std::vector<Listener>> parse_listeners(std::span<const std::string> words, const std::string& bind,
                                              std::uint16_t own_port);

// "http://127.0.0.1:5678"
std::string listening_url(const std::string& address, int port);

}  // namespace slicemill::cli
