// The bundles of this master: taken in, listed, resolved for jobs, removed.
//
//   DATA/assets/.incoming/<n>/bundle.zip   an upload while its bytes arrive
//   DATA/assets/.incoming/<n>/files/       the same, being unpacked
//   DATA/assets/<id>/                      a bundle; it counts once the registry has its row
//
// What the registry does not know is removed at the next start, so a crash leaves nothing half. Bytes arrive and are
// unpacked beside each other; what changes the set of bundles (store, remove) happens one after the other.
//
// Owner: the master; loop thread. Files are touched on the `assets` executor only, but for open().
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/model/asset_service.h"
#include "core/model/job_dialect.h"
#include "core/runtime/loop.h"
#include "master/assets/asset_archive.h"
#include "master/assets/asset_references.h"
#include "master/registry/registry.h"

namespace slicemill::master {

struct AssetStoreOptions {
  std::string directory;                      // absolute
  std::uint64_t upload_limit = 512ull << 20;  // bytes of a zip
  UnpackLimits unpack;
};

class AssetStore final : public AssetService, public AssetCatalog {
 public:
  // dialect: of what bundles say about themselves; outlives the store.
  AssetStore(Loop& loop, Registry& registry, const JobDialect& dialect, AssetStoreOptions options);
  ~AssetStore() override;

  // Makes the directory and removes what a crash left. Before anything else.
  Result<void> open();
  // Takes in every zip of a directory, in order of their names; those that are stored already are left alone, bad ones
  // are logged. Returns at once.
  void load_directory(const std::string& path);
  // The master is about to end: nothing is taken in or removed from now on.
  void close() { closed_ = true; }

  // ---- AssetService ----
  Result<std::unique_ptr<AssetUpload>> upload(std::optional<std::uint64_t> announced) override;
  void remove(const std::string& id, Reply<std::string> reply) override;
  void list(const AssetQuery& query, Reply<std::vector<Json>> reply) override;

  // ---- AssetCatalog ----
  Result<AssetBundle> resolve(std::string_view reference) const override;

 private:
  class Upload;
  struct Incoming;  // a directory below .incoming; removed with its last owner
  struct Prepared;  // the outcome of unpacking

  std::shared_ptr<Incoming> new_incoming();
  // Unpacks the zip, whose id is known, and stores it.
  void take_in(std::shared_ptr<Incoming> incoming, std::string zip, std::string id, Reply<AssetStored> reply);
  void import(std::vector<std::string> zips);
  void commit(std::shared_ptr<Incoming> incoming, std::string id, BundleContents contents, Reply<AssetStored> reply);
  Result<bool> is_new(const std::string& id, const AssetManifest& manifest) const;
  void publish(const std::shared_ptr<Incoming>& incoming, const AssetRow& row, Reply<AssetStored> reply);
  Result<void> check_unused(const std::string& id) const;
  void erase(const std::string& id, Reply<std::string> reply);
  Result<std::vector<StoredAsset>> stored() const;
  std::string directory_of(const std::string& id) const { return options_.directory + "/" + id; }
  // One after the other; each calls next() when it is done.
  void in_turn(std::function<void()> step);
  void next();

  Loop& loop_;
  Registry& registry_;
  const JobDialect& dialect_;
  AssetStoreOptions options_;
  std::uint64_t last_incoming_ = 0;
  std::deque<std::function<void()>> steps_;
  bool busy_ = false;
  bool closed_ = false;
  std::set<std::string> leaving_;  // being removed: no job may take them any more
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
