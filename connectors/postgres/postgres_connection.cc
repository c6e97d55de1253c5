#include "connectors/postgres/postgres_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "connectors/postgres/session.h"

namespace slicemill {
namespace {

constexpr const char* kPassword = "password";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// Where the parts of a URL are that hold a password.
//   url := scheme "://" [user [":" password] "@"] hosts ["/" database] ["?" name "=" value ("&" ...)*]
struct UrlParts {
  std::string before;  // up to the user, with it
  std::optional<std::string> password;
  std::string hosts_and_database;
  std::string parameters;  // with their "?"; without the password
};

Result<UrlParts> take_apart(std::string_view url) {
  const auto wrong = [](std::string_view problem) {
    return Error(ErrorCode::invalid, fmt::format("url: {}", problem), false);
  };
  UrlParts parts;
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos ||
      (url.substr(0, scheme) != "postgresql" && url.substr(0, scheme) != "postgres"))
    return wrong("expected postgresql://USER@HOST:PORT/DATABASE");
  const std::size_t authority = scheme + 3;
  const std::size_t question = std::min(url.find('?', authority), url.size());
  const std::size_t slash = std::min(url.find('/', authority), question);
  const std::size_t at = url.substr(authority, slash - authority).rfind('@');
  parts.before = url.substr(0, authority);
  std::size_t hosts = authority;
  if (at != std::string_view::npos) {
    const std::string_view userinfo = url.substr(authority, at);
    const std::size_t colon = userinfo.find(':');
    parts.before += userinfo.substr(0, colon);
    parts.before += '@';
    if (colon != std::string_view::npos) {
      parts.password = percent_decoded(userinfo.substr(colon + 1));
      if (!parts.password) return wrong("the password has a % that begins no character; write %25 for %");
    }
    hosts += at + 1;
  }
  parts.hosts_and_database = url.substr(hosts, question - hosts);
  std::string_view rest = question < url.size() ? url.substr(question + 1) : std::string_view();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view one = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (one.starts_with("password=")) {
      parts.password = percent_decoded(one.substr(9));
      if (!parts.password) return wrong("the password has a % that begins no character; write %25 for %");
      continue;
    }
    if (one.starts_with("sslpassword=")) return wrong("sslpassword is not supported: use a key without a password");
    parts.parameters += parts.parameters.empty() ? "?" : "&";
    parts.parameters += one;
  }
  return parts;
}

// From then on the URL holds no secret.
Result<void> take_password_of_url(ConfiguredConnection& connection) {
  const auto url = connection.settings.find("url");
  if (url == connection.settings.end()) return {};
  ASSIGN_OR_RETURN(const UrlParts parts, take_apart(url->second));
  url->second = parts.before + parts.hosts_and_database + parts.parameters;
  if (!parts.password || parts.password->empty()) return {};
  if (connection.secrets.contains(kPassword))
    return Error(ErrorCode::invalid, "url: it has a password, and the password is given beside it", false);
  connection.secrets.emplace(kPassword, SecretSource{SecretSource::Kind::value, *parts.password});
  return {};
}

Result<void> check_settings(ConfiguredConnection& connection) {
  const auto& settings = connection.settings;
  const auto of = [&](const char* key) {
    const auto found = settings.find(key);
    return found == settings.end() ? std::string() : found->second;
  };
  if (settings.contains("url")) {
    for (const char* part : {"host", "port", "database"})
      if (settings.contains(part))
        return Error(ErrorCode::invalid, fmt::format("{}: the url says that already", part), false);
    RETURN_IF_ERROR(take_password_of_url(connection));
    connection.target = of("url");
  } else {
    if (!settings.contains("host"))
      return Error(ErrorCode::invalid, "url: expected a url, or host, database and user", false);
    connection.target = fmt::format("postgresql://{}{}:{}/{}", of("user").empty() ? "" : of("user") + "@", of("host"),
                                    of("port").empty() ? "5432" : of("port"), of("database"));
  }
  if ((of("sslmode") == "verify-ca" || of("sslmode") == "verify-full") && of("sslrootcert").empty())
    return Error(ErrorCode::invalid,
                 fmt::format("sslrootcert: {} needs the certificates to trust; \"system\" is not known to libpq 15",
                             of("sslmode")),
                 false);
  return {};
}

Result<std::string> try_connection(const Connection& connection) {
  ASSIGN_OR_RETURN(const auto session, postgres::Session::connect(connection, nullptr));
  RETURN_IF_ERROR(session->execute("SELECT 1"));
  return session->description();
}

std::vector<OptionSpec> connection_settings() {
  return {
      {.name = "url",
       .type = OptionType::text,
       .description = "`postgresql://USER@HOST:PORT/DATABASE`, as libpq reads it: several hosts and further parameters "
                      "may stand in it. A password in it is treated like `password`."},
      {.name = "host",
       .type = OptionType::text,
       .description = "Instead of `url`: host name, address, or the directory of a socket."},
      {.name = "port", .type = OptionType::integer, .description = "Port of the host.", .minimum = 1, .maximum = 65535},
      {.name = "database", .type = OptionType::text, .description = "Name of the database."},
      {.name = "user", .type = OptionType::text, .description = "User of the database; goes before that of the `url`."},
      {.name = "sslmode",
       .type = OptionType::text,
       .description = "Whether TLS is used, and what is checked.",
       .choices = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
      {.name = "sslrootcert",
       .type = OptionType::text,
       .description = "File of the certificates to trust; needed by verify-ca and verify-full.",
       .is_path = true},
      {.name = "sslcert", .type = OptionType::text, .description = "File of a client certificate.", .is_path = true},
      {.name = "sslkey",
       .type = OptionType::text,
       .description = "File of its key, that only its owner may read.",
       .is_path = true},
      {.name = "connect_timeout",
       .type = OptionType::duration_ms,
       .description = "How long a connection may take until it is given up.",
       .default_value = 10'000,
       .minimum = 1,
       .maximum = 3'600'000},
      {.name = "statement_timeout",
       .type = OptionType::duration_ms,
       .description = "How long the server may work on one statement; reading a slice is one. Without it as the server "
                      "says.",
       .minimum = 1,
       .maximum = 86'400'000},
      {.name = "application_name",
       .type = OptionType::text,
       .description = "What `pg_stat_activity` shows.",
       .default_value = "slicemill"},
  };
}

}  // namespace

ConnectionType postgres_connection_type() {
  return {.name = kPostgres,
          .description =
              "A PostgreSQL database, version 10 or later, through libpq: what is not set is as libpq says, "
              "with its environment variables and `~/.pgpass`.",
          .settings = connection_settings(),
          .secrets = {{kPassword, "Password of the user."}},
          .check = check_settings,
          .test = try_connection};
}

OptionSpec on_unavailable_option() {
  return {.name = "on_unavailable",
          .type = OptionType::text,
          .description =
              "What happens while the server cannot be reached: the execution, or the slice, fails after its "
              "retries, or it waits and shows why.",
          .default_value = "fail",
          .choices = {"fail", "wait"}};
}

}  // namespace slicemill
