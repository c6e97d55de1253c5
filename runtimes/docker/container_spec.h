// What a container is made of, in our terms and as the Docker API wants it. Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::docker {

struct MountSpec {
  enum class Type : std::uint8_t { volume, bind, tmpfs };
  Type type = Type::volume;
  std::string source;  // the name of a volume, or a path of the host
  std::string target;  // a path in the container
  bool is_read_only = false;
};

struct ContainerSpec {
  std::string name;  // "": the server makes one up
  std::string image;
  std::vector<std::string> command;      // empty: that of the image
  std::vector<std::string> entrypoint;   // empty: that of the image
  std::vector<std::string> environment;  // "NAME=value"
  std::string working_directory;
  std::vector<MountSpec> mounts;
  std::vector<std::string> networks;  // names, or "none" or "host" alone; empty: the server's usual one
  std::vector<std::string> aliases;   // names under which others in these networks find it
  std::int64_t nano_cpus = 0;         // 0: no limit
  std::int64_t memory = 0;            // bytes; 0: no limit
  std::string gpus;                   // "all", "2", "device=0,1"
  std::map<std::string, std::string> labels;
};

// The body of a request that creates it. invalid: `gpus` is none of its forms.
Result<Json> creation_body(const ContainerSpec& spec);

// ".5", "2" -> billionths. invalid: no number above 0, or more than nine decimals.
Result<std::int64_t> nano_cpus_of(std::string_view text);
// "10m", "1.5 GB", "512": k, m, g, t, p are powers of 1024. invalid: no such text, or beyond 64 bits.
Result<std::int64_t> memory_of(std::string_view text);

}  // namespace slicemill::docker
