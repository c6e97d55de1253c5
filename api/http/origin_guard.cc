#include "api/http/origin_guard.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "core/runtime/ascii.h"

namespace slicemill::api {
namespace {

constexpr std::size_t kShownHeaderBytes = 100;
constexpr std::string_view kHint = "; the setting allowed_hosts names further hosts";

std::string shown(std::string_view header) {
  return header.size() <= kShownHeaderBytes ? std::string(header)
                                            : std::string(header.substr(0, kShownHeaderBytes)) + "...";
}

// The address in one form, if the text is one: IPv4 ones that stand in IPv6 as IPv4.
std::optional<std::string> canonical_address(const std::string& text) {
  in_addr four{};
  in6_addr six{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  // Short forms too: 127.1 is what some clients send as they were told.
  const bool is_number = !text.empty() && text.find_first_not_of("0123456789abcdefABCDEFx.") == std::string::npos &&
                         text.front() >= '0' && text.front() <= '9';
  if (is_number && inet_aton(text.c_str(), &four) != 0) return inet_ntop(AF_INET, &four, out.data(), out.size());
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return std::nullopt;
  if (!IN6_IS_ADDR_V4MAPPED(&six)) return inet_ntop(AF_INET6, &six, out.data(), out.size());
  return inet_ntop(AF_INET, &six.s6_addr[12], out.data(), out.size());
}

// The unspecified addresses lead to the loopback as well.
bool is_loopback_address(const std::string& canonical) {
  return canonical == "::1" || canonical.starts_with("127.") || canonical == "0.0.0.0" || canonical == "::";
}

// Addresses may change while the server runs, so they are asked for when one is given.
bool is_address_of_machine(const std::string& canonical) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return false;
  bool found = false;
  for (const ifaddrs* entry = list; entry != nullptr && !found; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (entry->ifa_addr->sa_family == AF_INET) {
      const auto* four = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      inet_ntop(AF_INET, &four->sin_addr, text.data(), text.size());
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      const auto* six = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
      inet_ntop(AF_INET6, &six->sin6_addr, text.data(), text.size());
    }
    found = canonical == text.data();
  }
  freeifaddrs(list);
  return found;
}

// Lines of a file of words, without comments.
template <typename Take>
void each_line(const char* path, const Take& take) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string first;
    if (words >> first) take(first, words);
  }
}

// The names under which others know this machine, as far as its own files tell: a name server is not asked, since it
// may be slow, and may say what a stranger wants.
std::vector<std::string> names_of_machine() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0 || buffer[0] == '\0') return {};
  const std::string name = lower(std::string_view(buffer.data()));
  const std::string first = name.substr(0, name.find('.'));
  std::vector<std::string> names = {name, first, first + ".local"};
  each_line("/etc/resolv.conf", [&](const std::string& word, std::istream& domains) {
    if (word != "search" && word != "domain") return;
    for (std::string domain; domains >> domain;) names.push_back(first + "." + lower(domain));
  });
  each_line("/etc/hosts", [&](const std::string& address, std::istream& hosts) {
    const auto canonical = canonical_address(address);
    if (!canonical || !(is_loopback_address(*canonical) || is_address_of_machine(*canonical))) return;
    for (std::string host; hosts >> host;) names.push_back(lower(host));
  });
  return names;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<HostAndPort> parse_host(std::string_view text) {
  const Error wrong(ErrorCode::invalid, fmt::format("\"{}\" is not a host", shown(text)));
  HostAndPort out;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) return wrong;
    const auto zone = std::min(text.find('%'), bracket);  // says which interface of the client
    const auto address = canonical_address(std::string(text.substr(1, zone - 1)));
    if (!address) return wrong;
    out.host = *address;
    rest = text.substr(bracket + 1);
  } else if (const auto address = canonical_address(std::string(text)); address && text.find(':') != text.npos) {
    out.host = *address;  // without brackets, as in a setting
  } else {
    const auto colon = text.find(':');
    out.host = lower(text.substr(0, colon));
    if (out.host.ends_with('.')) out.host.pop_back();
    if (const auto plain = canonical_address(out.host)) out.host = *plain;
    const bool is_name = std::ranges::all_of(out.host, [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '*' || c >= 0x80;
    });
    if (out.host.empty() || !is_name) return wrong;
    rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (rest.empty() || rest == ":") return out;
  if (!rest.starts_with(':') || !is_port(rest.substr(1))) return wrong;
  out.port = rest.substr(1);
  return out;
}

Result<OriginGuard> OriginGuard::make(std::string bind, const std::vector<std::string>& allowed) {
  OriginGuard guard;
  for (const std::string& entry : allowed) {
    auto pattern = parse_host(entry);
    const bool is_pattern = pattern && pattern->host.find('*') != std::string::npos;
    const bool is_known =
        is_pattern &&
        (pattern->host == "*" || (pattern->host.starts_with("*.") && pattern->host.find('*', 1) == std::string::npos));
    if (!pattern || (is_pattern && !is_known))
      return Error(ErrorCode::invalid, fmt::format("allowed_hosts: \"{}\" is not a host such as \"jobs.example.com\", "
                                                   "\"10.0.0.5\", \"dashboard:8080\" or \"*.example.com\"",
                                                   entry));
    guard.allowed_.push_back(std::move(*pattern));
  }
  guard.bind_ = canonical_address(bind).value_or(lower(bind));
  guard.is_wildcard_ = guard.bind_ == "0.0.0.0" || guard.bind_ == "::";
  guard.names_ = names_of_machine();
  return guard;
}

bool OriginGuard::is_own_host(const std::string& host, const LocalEnd& local) const {
  if (host == "localhost" || host.ends_with(".localhost") || host == bind_) return true;
  if (const auto address = canonical_address(host))
    return is_loopback_address(*address) || address == canonical_address(local.address) ||
           (is_wildcard_ && is_address_of_machine(*address));
  return std::ranges::find(names_, host) != names_.end();
}

bool OriginGuard::is_allowed_host(const HostAndPort& host, bool with_port) const {
  return std::ranges::any_of(allowed_, [&](const HostAndPort& pattern) {
    if (with_port && !pattern.port.empty() && pattern.port != host.port) return false;
    if (pattern.host.starts_with("*.")) return host.host.ends_with(pattern.host.substr(1));
    return pattern.host == "*" || pattern.host == host.host;
  });
}

// "": it is one of ours.
std::string OriginGuard::judge_host(std::string_view text, const LocalEnd& local) const {
  if (text.empty() || (text == last_host_ && !is_wildcard_)) return "";
  const auto host = parse_host(text);
  if (!host) return fmt::format("the request is for the host \"{}\", which is none", shown(text));
  if (!is_own_host(host->host, local) && !is_allowed_host(*host, false))
    return fmt::format("the request is for the host \"{}\", which is not one of this server's names{}", shown(text),
                       kHint);
  last_host_ = text;
  return "";
}

std::string OriginGuard::refusal(const RequestOrigin& request, const LocalEnd& local) const {
  for (const auto& host : request.hosts)
    if (auto wrong = judge_host(host, local); !wrong.empty()) return wrong;

  bool is_listed = false;  // as an origin that the settings name
  for (const std::string_view origin : request.origins) {
    const auto foreign = [&] {
      return fmt::format("the request comes from a web page of another origin, \"{}\"{}", shown(origin), kHint);
    };
    const auto scheme = origin.find("://");
    const auto name = lower(origin.substr(0, scheme));
    if (scheme == std::string_view::npos || (name != "http" && name != "https")) return foreign();
    auto host = parse_host(origin.substr(scheme + 3));
    if (!host) return foreign();
    const std::string standard_port = name == "http" ? "80" : "443";
    if (host->port.empty()) host->port = standard_port;
    if (is_allowed_host(*host, true)) {
      is_listed = true;
      continue;
    }
    // The page is this server's own: at its own port, or at the place that the request went to, as through a tunnel.
    const bool at_own_port = host->port == std::to_string(local.port);
    const bool at_same_place = std::ranges::any_of(request.hosts, [&](std::string_view text) {
      auto target = parse_host(text);
      if (target && target->port.empty()) target->port = standard_port;
      return target && target->host == host->host && target->port == host->port;
    });
    if (!is_own_host(host->host, local) || !(at_own_port || at_same_place)) return foreign();
  }
  if (is_listed) return "";
  for (const std::string_view site : request.sites) {
    const auto word = lower(site);
    if (word != "none" && word != "same-origin")
      return fmt::format("the request comes from a web page of another site (Sec-Fetch-Site: {}){}", shown(site),
                         kHint);
  }
  return "";
}

}  // namespace slicemill::api
