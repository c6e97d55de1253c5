#include "cli/client/master_address.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/http_request.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"

namespace slicemill::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

Result<std::string> contexts_path() {
  std::string base = variable("XDG_CONFIG_HOME");
  if (base.empty()) {
    base = variable("HOME");
    if (base.empty()) return Error(ErrorCode::invalid, "no place for contexts: set HOME or XDG_CONFIG_HOME");
    base += "/.config";
  }
  return base + "/slicemill/contexts.yaml";
}

Result<Contexts> read_contexts(const std::string& path) {
  Contexts contexts;
  const auto text = read_whole_file(posix_files(), path);
  if (!text && text.error().code == ErrorCode::not_found) return contexts;
  if (!text) return text.error();
  if (text->find_first_not_of(" \t\r\n") == std::string::npos) return contexts;
  const auto bad = [&](const char* why) { return Error(ErrorCode::invalid, fmt::format("{}: {}", path, why)); };
  const auto yaml = parse_yaml(*text);
  if (!yaml) return with_context(yaml.error(), path);
  if (!yaml->is_object()) return bad("is no file of contexts");
  for (const auto& [key, value] : yaml->items()) {
    if (key == "current") {
      if (!value.is_string()) return bad("`current` is the name of a context");
      contexts.current = value.get<std::string>();
    } else if (key == "contexts") {
      if (!value.is_object()) return bad("`contexts` has a URL for each name");
      for (const auto& [name, url] : value.items()) {
        if (!url.is_string()) return bad("`contexts` has a URL for each name");
        contexts.urls[name] = url.get<std::string>();
      }
    }
  }
  return contexts;
}

Result<void> write_contexts(const std::string& path, const Contexts& contexts) {
  std::string text;  // texts of JSON are texts of YAML
  if (!contexts.current.empty()) text += fmt::format("current: {}\n", to_compact_text(contexts.current));
  text += contexts.urls.empty() ? "contexts: {}\n" : "contexts:\n";
  for (const auto& [name, url] : contexts.urls)
    text += fmt::format("  {}: {}\n", to_compact_text(name), to_compact_text(url));
  const std::string beside = path + ".new";
  RETURN_IF_ERROR(posix_files().create_directories(std::filesystem::path(path).parent_path().string()));
  ASSIGN_OR_RETURN(const auto file, posix_files().create(beside));
  RETURN_IF_ERROR(file->write(text));
  RETURN_IF_ERROR(file->sync());
  RETURN_IF_ERROR(file->close());
  return posix_files().rename_replace(beside, path);
}

Result<std::optional<std::string>> named_master(const CommandLine& line) {
  if (!line.master_url.empty()) return std::optional(line.master_url);
  if (line.flags.contains("data")) return std::optional<std::string>();
  if (line.client.context.empty()) {
    if (std::string url = variable(kMasterVariable); !url.empty()) return std::optional(std::move(url));
  }
  const auto path = contexts_path();
  if (!path) return std::optional<std::string>();
  ASSIGN_OR_RETURN(const Contexts contexts, read_contexts(*path));
  const std::string& name = line.client.context.empty() ? contexts.current : line.client.context;
  if (name.empty()) return std::optional<std::string>();
  const auto found = contexts.urls.find(name);
  if (found == contexts.urls.end()) {
    return Error(
        ErrorCode::not_found,
        fmt::format("there is no context '{}' in {}; make it with `slicemill context set {} URL`", name, *path, name));
  }
  return std::optional(found->second);
}

}  // namespace slicemill::cli
