// Which master a command asks: --master, the variable SLICEMILL_MASTER, or the context in use. Main thread.
//
// Contexts are names for masters, kept in ${XDG_CONFIG_HOME:-~/.config}/slicemill/contexts.yaml:
//   current: NAME
//   contexts: {NAME: URL, ...}
#pragma once

#include <map>
#include <optional>
#include <string>

#include "cli/command_line.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

inline constexpr const char* kMasterVariable = "SLICEMILL_MASTER";
inline constexpr const char* kDefaultMaster = "http://127.0.0.1:5678";

struct Contexts {
  std::map<std::string, std::string> urls;  // by name
  std::string current;                      // "": none
};

// invalid: neither XDG_CONFIG_HOME nor HOME is set.
Result<std::string> contexts_path();
// None if there is no such file; an error names it.
Result<Contexts> read_contexts(const std::string& path);
Result<void> write_contexts(const std::string& path, const Contexts& contexts);

// The master that was named in any of the three ways; nothing: in none. A --data on the command line means that no
// master is asked, unless --master is there too. not_found: no such context.
Result<std::optional<std::string>> named_master(const CommandLine& line);

}  // namespace slicemill::cli
