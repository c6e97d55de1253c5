// Containers through the Docker API on a Unix socket: Docker's own server, or Podman's service, which speaks the same.
//
// Each call blocks until the server has answered; `stop` ends what may take long. Any thread, several at once.
// Errors: not_found: no such container, image, ...; conflict: its state forbids the call; unavailable: nobody answers;
// io: the server could not do it, with its words.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/json.h"
#include "core/runtime/result.h"
#include "runtimes/docker/api_socket.h"
#include "runtimes/docker/container_spec.h"
#include "runtimes/docker/log_frames.h"
#include "runtimes/docker/tar_text.h"

namespace slicemill::docker {

using Labels = std::map<std::string, std::string>;

struct RegistryLogin {
  std::string username;
  std::string password;
};

struct ContainerState {
  std::string status;  // "created", "running", "exited", ...
  bool is_running = false;
  bool ran_out_of_memory = false;
  std::int64_t exit_code = 0;
  std::string error;
};

class DockerClient {
 public:
  explicit DockerClient(std::string socket_path, std::chrono::milliseconds limit = std::chrono::seconds(60))
      : socket_(std::move(socket_path), limit) {}

  Result<void> ping() const;

  // ---- images ----
  Result<bool> has_image(std::string_view reference) const;
  // Without a tag or a digest the tag is "latest". login: null for none.
  Result<void> pull(std::string_view reference, const RegistryLogin* login, const std::stop_token& stop) const;

  // ---- containers, by id or name ----
  Result<std::string> create(const ContainerSpec& spec) const;  // its id
  Result<void> start(std::string_view id) const;                // fine if it runs already
  // Its exit code, once it has ended.
  Result<std::int64_t> wait(std::string_view id, const std::stop_token& stop) const;
  // What it has written so far, and with `follow` what it writes until it ends.
  Result<void> logs(std::string_view id, bool follow, const OutputSink& sink, const std::stop_token& stop) const;
  Result<void> kill(std::string_view id, std::string_view signal = "SIGKILL") const;  // conflict: it does not run
  // With what it wrote and its nameless volumes; kills it first. Fine if there is none.
  Result<void> remove(std::string_view id) const;
  Result<ContainerState> inspect(std::string_view id) const;
  // Ids of those with all these labels, ended ones included.
  Result<std::vector<std::string>> list(const Labels& labels) const;
  // Into a directory that is there.
  Result<void> put_files(std::string_view id, std::string_view directory, const std::vector<ArchivedFile>& files) const;
  // invalid: it has more than `most` bytes.
  Result<std::string> read_file(std::string_view id, std::string_view path, std::size_t most) const;

  // ---- volumes and networks ----
  Result<std::string> create_volume(const Labels& labels) const;                          // its name
  Result<void> remove_volume(std::string_view name) const;                                // fine if there is none
  Result<std::string> create_network(std::string_view name, const Labels& labels) const;  // its id
  Result<void> remove_network(std::string_view id) const;                                 // fine if there is none

 private:
  Result<std::string> call(std::string_view method, const std::string& target, const Json* body = nullptr) const;
  Result<Json> call_for_json(std::string_view method, const std::string& target, const Json* body = nullptr) const;
  Result<void> remove_at(const std::string& target) const;

  ApiSocket socket_;
};

}  // namespace slicemill::docker
