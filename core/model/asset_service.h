// All that a dialect may ask about assets: bundles of code and data that jobs name. Without a word of HTTP.
//
// Loop thread of the master. Each call answers exactly once, on the loop thread, possibly before the call returns.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/model/commands.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

inline constexpr std::size_t kAssetIdLength = 40;  // hex digits

struct AssetStored {
  std::string id;          // 40 hex digits
  bool was_there = false;  // the same bytes were stored before
};

struct AssetQuery {
  std::optional<std::string> name, version;  // exactly these
  std::int64_t from = 0;
  std::int64_t size = 100;
  std::vector<query::SortKey> sort;  // empty: newest first
};

// A bundle on its way in. Destroyed before store() has answered: nothing of it remains.
class AssetUpload {
 public:
  virtual ~AssetUpload() = default;
  // The next bytes of the zip. An error is final, and store() answers it too.
  virtual void write(std::string piece, std::function<void(Result<void>)> ready) = 0;
  // No more bytes: checks, unpacks, and answers once everything is durable. invalid: the bundle is not good, corrupt:
  // it has no readable asset.json, unsupported: it is too large; the messages are those that clients of the first
  // dialect match on. conflict: another bundle has its name and version.
  virtual void store(Reply<AssetStored> reply) = 0;
};

class AssetService {
 public:
  virtual ~AssetService() = default;

  // announced: how many bytes will come, if known. unsupported: too many. unavailable: the master is about to end.
  virtual Result<std::unique_ptr<AssetUpload>> upload(std::optional<std::uint64_t> announced) = 0;
  // not_found, or conflict while an execution that lives uses it. The answer follows when the files are gone.
  virtual void remove(const std::string& id, Reply<std::string> reply) = 0;
  // {name, version, description, node_version, platform, arch, id}; absent members are left out.
  virtual void list(const AssetQuery& query, Reply<std::vector<Json>> reply) = 0;
};

}  // namespace slicemill
