// Named connections to other systems: what a job refers to by name, and what only the processes that use one know.
//
// ConnectionBook is what the configuration says; whoever starts processes has it, and resolves what one execution uses.
// Connections is what such a process was given, with the secrets: neither is ever logged or part of a document. Plain
// values, any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/job_spec.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// An option that an operation has if its job names a connection: the name.
inline constexpr const char* kConnectionOption = "connection";

// The connections that a job's operations name, each once.
std::vector<std::string> connection_names(const JobSpec& job);

struct Connection {
  std::string name;
  std::string type;
  std::map<std::string, std::string> settings;  // as texts; durations in milliseconds

  // "" if it is not set.
  const std::string& setting(const std::string& key) const;
  // The text with "***" in the place of every secret of this connection that stands in it.
  std::string masked(std::string text) const;

  std::vector<std::string> secrets;  // values of settings that nobody may see
};

class Connections {
 public:
  void add(Connection connection);
  bool empty() const { return connections_.empty(); }
  // The one that an operation names in its options. invalid: none of that name and type; says which there are.
  Result<const Connection*> of(const Json& options, std::string_view type) const;

  // How one process hands them to another; without NUL bytes.
  std::string to_text() const;
  static Result<Connections> from_text(std::string_view text);

 private:
  std::map<std::string, Connection, std::less<>> connections_;
};

// Those of this process. Set once, before any operation or slicer is made; none before that.
const Connections& process_connections();
void set_process_connections(Connections connections);
// The same from what Connections::to_text gave, which is wiped; "": there are none.
Result<void> take_process_connections(std::string& text);

// Where a secret comes from, each time that a process is given it.
struct SecretSource {
  enum class Kind { value, file, command };
  Kind kind = Kind::value;
  std::string text;  // the value, the path, or what the shell runs
};

struct ConfiguredConnection {
  std::string type;
  std::string place;                            // "slicemill.yaml: connections.warehouse"
  std::string target;                           // what it leads to, without secrets
  std::map<std::string, std::string> settings;  // without secrets
  std::map<std::string, SecretSource> secrets;  // by the setting that each becomes
};

using ConnectionTypes = std::map<std::string, std::string, std::less<>>;  // by name of a connection: its type

class ConnectionBook {
 public:
  void add(const std::string& name, ConfiguredConnection connection);
  const std::map<std::string, ConfiguredConnection, std::less<>>& all() const { return connections_; }
  ConnectionTypes types() const;
  // Reads files and runs commands, so it may take a while (kSecretPatience at most for each). Unknown names are left
  // out: whoever needs one will say so. Errors name the connection, and never hold a secret.
  Result<Connections> resolve(const std::vector<std::string>& names) const;

 private:
  std::map<std::string, ConfiguredConnection, std::less<>> connections_;
};

// "there are a, b", or "the configuration has no connections".
std::string known_connections(const ConnectionTypes& types);

}  // namespace slicemill
