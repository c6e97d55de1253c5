#include "cli/listeners.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "api/dialects/dialects.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

constexpr std::int64_t kLastPort = 65535;

std::string dialect_names() {
  std::vector<std::string> names;
  for (const auto& entry : api::dialects()) names.emplace_back(entry.name);
  return join(names, " and ");
}

Result<Listener> parse_listener(const std::string& word, const std::string& bind) {
  const auto wrong = [&](std::string_view why) {
    return Error(ErrorCode::invalid,
                 fmt::format("listeners: \"{}\": {}; expected DIALECT@PORT or DIALECT@ADDRESS:PORT", word, why));
  };
  const auto at = word.find('@');
  if (at == std::string::npos) return wrong("there is no @");
  Listener listener{word.substr(0, at), bind, 0};
  if (api::find_dialect(listener.dialect) == nullptr)
    return wrong(fmt::format("there is no dialect \"{}\", there are {}", listener.dialect, dialect_names()));
  std::string port = word.substr(at + 1);
  if (const auto colon = port.rfind(':'); colon != std::string::npos) {
    listener.address = port.substr(0, colon);
    port.erase(0, colon + 1);
    if (listener.address.size() > 2 && listener.address.front() == '[' && listener.address.back() == ']')
      listener.address = listener.address.substr(1, listener.address.size() - 2);
    if (listener.address.empty()) return wrong("the address is empty");
  }
  const auto number = parse_integer(port);
  if (!number || *number < 0 || *number > kLastPort) return wrong("the port is not a number from 0 to 65535");
  listener.port = static_cast<std::uint16_t>(*number);
  return listener;
}

}  // namespace

Result<std::vector<Listener>> parse_listeners(std::span<const std::string> words, const std::string& bind,
                                              std::uint16_t own_port) {
  std::vector<Listener> listeners;
  for (const std::string& word : words) {
    ASSIGN_OR_RETURN(Listener listener, parse_listener(word, bind));
    const auto takes_port_of = [&](const std::string& address, std::uint16_t port) {
      return listener.port != 0 && listener.port == port && listener.address == address;
    };
    const auto same = std::ranges::find_if(
        listeners, [&](const Listener& other) { return takes_port_of(other.address, other.port); });
    if (same != listeners.end() || takes_port_of(bind, own_port))
      return Error(ErrorCode::invalid,
                   fmt::format("listeners: \"{}\": {} is at the root of port {} of {} already, and two dialects at one "
                               "root have the same paths; give each a port of its own",
                               word, same != listeners.end() ? same->dialect : "the master itself", listener.port,
                               listener.address));
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

std::string listening_url(const std::string& address, int port) {
  return address.find(':') == std::string::npos ? fmt::format("http://{}:{}", address, port)
                                                : fmt::format("http://[{}]:{}", address, port);
}

}  // namespace slicemill::cli
