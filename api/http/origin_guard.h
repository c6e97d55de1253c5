// Tells requests of programs and of this server's own pages from those that a web page elsewhere makes a browser send.
//
// A browser says where a request comes from (Origin, Sec-Fetch-Site), and by which name it found the server (Host): a
// name that is not the server's own was pointed at it by somebody else (DNS rebinding). Programs such as curl say
// neither, and name the host that they were given. Loop thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::api {

// What a request says of where it comes from. Headers in the order given.
struct RequestOrigin {
  std::vector<std::string_view> hosts;    // Host, and the authority of an absolute target
  std::vector<std::string_view> origins;  // Origin
  std::vector<std::string_view> sites;    // Sec-Fetch-Site
};

// The server's end of a connection.
struct LocalEnd {
  std::string address;  // "192.168.1.5", "::1"
  std::uint16_t port = 0;
};

// The text after "scheme://", or a Host header, taken apart.
struct HostAndPort {
  std::string host;  // lower case, without brackets and without a trailing dot
  std::string port;  // "" if there is none
};
// invalid: the text is none.
Result<HostAndPort> parse_host(std::string_view text);

class OriginGuard {
 public:
  // bind: as configured, an address or a name. allowed: further hosts, "name" or "address", each with ":port" if only
  // that port of an origin counts; "*.name" stands for all names below, "*" for every host.
  // invalid: an entry is none of these.
  static Result<OriginGuard> make(std::string bind, const std::vector<std::string>& allowed);

  // Why the request is refused; "" if it is not.
  std::string refusal(const RequestOrigin& request, const LocalEnd& local) const;

 private:
  OriginGuard() = default;
  bool is_own_host(const std::string& host, const LocalEnd& local) const;
  bool is_allowed_host(const HostAndPort& host, bool with_port) const;
  std::string judge_host(std::string_view text, const LocalEnd& local) const;

  std::string bind_;
  bool is_wildcard_ = false;  // listens on all addresses of the machine
  std::vector<std::string> names_;
  std::vector<HostAndPort> allowed_;
  mutable std::string last_host_;  // that was fine
};

}  // namespace slicemill::api
