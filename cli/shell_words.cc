#include "cli/shell_words.h"

namespace slicemill::cli {

std::string for_shell(const std::string& word) {
  constexpr std::string_view kPlain = "/._-+=@:,%0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string place_words(const CommandLine& line) {
  if (const auto data = line.flags.find("data"); data != line.flags.end()) return " --data " + for_shell(data->second);
  if (!line.typed_master.empty()) return " --master " + for_shell(line.typed_master);
  if (!line.client.context.empty()) return " --context " + for_shell(line.client.context);
  return {};
}

}  // namespace slicemill::cli
