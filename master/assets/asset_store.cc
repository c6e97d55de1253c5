#include "master/assets/asset_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/runtime/clock.h"
#include "core/runtime/fault.h"
#include "core/runtime/files.h"
#include "core/runtime/log.h"
#include "master/assets/asset_digest.h"

namespace slicemill::master {

namespace {

constexpr const char* kIncoming = ".incoming";

Error exceeds(std::uint64_t limit) {
  return {ErrorCode::unsupported, fmt::format("the asset exceeds the limit of {} bytes (asset_size_limit)", limit)};
}

void remove_or_log(const std::string& path) {
  if (const auto removed = posix_files().remove_tree(path); !removed)
    log(LogLevel::error, "{}", removed.error().message);
}

AssetRow to_row(const std::string& id, const BundleContents& contents, WallMs now) {
  const AssetManifest& manifest = contents.manifest;
  Json doc = Json::object();
  if (!manifest.description.empty()) doc["description"] = manifest.description;
  if (manifest.node_version) doc["node_version"] = *manifest.node_version;
  if (!manifest.platform.empty()) doc["platform"] = manifest.platform;
  if (!manifest.arch.empty()) doc["arch"] = manifest.arch;
  doc["operations"] = contents.operations;
  return {id, manifest.name, manifest.version, now, to_compact_text(doc)};
}

Result<Json> parse_doc(const AssetRow& row) {
  auto doc = parse_json(row.doc);
  if (doc && doc->is_object()) return doc;
  return Error(ErrorCode::internal, fmt::format("registry: the document of asset {} is broken", row.id));
}

Result<StoredAsset> from_row(const AssetRow& row) {
  ASSIGN_OR_RETURN(const Json doc, parse_doc(row));
  StoredAsset asset;
  asset.id = row.id;
  asset.created = row.created;
  asset.manifest.name = row.name;
  asset.manifest.version = row.version;
  asset.manifest.description = doc.value("description", "");
  if (doc.contains("node_version")) asset.manifest.node_version = doc["node_version"].get<std::int64_t>();
  asset.manifest.platform = doc.value("platform", "");
  asset.manifest.arch = doc.value("arch", "");
  asset.operations = doc.value("operations", std::vector<std::string>());
  return asset;
}

bool same_identity(const AssetManifest& a, const AssetManifest& b) {
  return a.name == b.name && a.version == b.version && a.node_version == b.node_version && a.platform == b.platform &&
         a.arch == b.arch;
}

}  // namespace

// ---- bytes on their way in ----

struct AssetStore::Incoming {
  Loop& loop;
  std::weak_ptr<int> store_lives;
  std::string directory;
  std::string zip() const { return directory + "/bundle.zip"; }
  std::string files() const { return directory + "/files"; }

  Incoming(Loop& own_loop, std::weak_ptr<int> alive, std::string path)
      : loop(own_loop), store_lives(std::move(alive)), directory(std::move(path)) {}
  ~Incoming() {
    if (store_lives.expired()) return;  // so may the loop be; the next start sweeps
    loop.offload(
        Loop::Executor::assets, [path = directory] { remove_or_log(path); }, [] {});
  }
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
};

class AssetStore::Upload final : public AssetUpload {
 public:
  Upload(AssetStore& store, std::shared_ptr<Incoming> incoming)
      : store_(store), alive_(store.alive_), state_(std::make_shared<State>()), incoming_(std::move(incoming)) {
    state_->limit = store.options_.upload_limit;
  }

  void write(std::string piece, std::function<void(Result<void>)> ready) override {
    store_.loop_.offload(
        Loop::Executor::assets,
        [state = state_, incoming = incoming_.get(), piece = std::move(piece)] { state->take(*incoming, piece); },
        // Holds the directory until the executor is through with it.
        [state = state_, incoming = incoming_, ready = std::move(ready)] { ready(state->outcome); });
  }

  void store(Reply<AssetStored> reply) override {
    auto id = std::make_shared<std::string>();
    store_.loop_.offload(
        Loop::Executor::assets, [state = state_, id] { *id = state->finish(); },
        [store = &store_, alive = alive_, state = state_, incoming = incoming_, id,
         reply = std::move(reply)]() mutable {
          if (alive.expired()) return;
          if (!state->outcome) return reply(state->outcome.error());
          store->take_in(incoming, incoming->zip(), *id, std::move(reply));
        });
  }

 private:
  // Touched on the executor; `outcome` also by whoever a task of the executor hands over to.
  struct State {
    std::uint64_t limit = 0;
    std::uint64_t bytes = 0;
    std::string head;  // the first bytes: they tell a zip
    AssetDigest digest;
    std::unique_ptr<WritableFile> file;
    Result<void> outcome;

    void take(const Incoming& incoming, const std::string& piece) {
      if (outcome) outcome = append(incoming, piece);
    }

    Result<void> append(const Incoming& incoming, const std::string& piece) {
      if (!file) {
        RETURN_IF_ERROR(posix_files().create_directories(incoming.directory));
        ASSIGN_OR_RETURN(file, posix_files().create(incoming.zip()));
      }
      bytes += piece.size();
      if (bytes > limit) return exceeds(limit);
      if (head.size() < 4) {
        head += piece.substr(0, 4 - head.size());
        if (head.size() == 4 && !begins_like_zip(head)) return not_a_zip();
      }
      digest.add(piece);
      return file->write(piece);
    }

    std::string finish() {
      if (outcome && head.size() < 4) outcome = not_a_zip();
      if (outcome) outcome = file->close();
      file.reset();
      return digest.finish();
    }
  };

  AssetStore& store_;
  std::weak_ptr<int> alive_;
  std::shared_ptr<State> state_;
  std::shared_ptr<Incoming> incoming_;
};

struct AssetStore::Prepared {
  Result<BundleContents> contents = Error(ErrorCode::internal, "not unpacked");
};

AssetStore::AssetStore(Loop& loop, Registry& registry, const JobDialect& dialect, AssetStoreOptions options)
    : loop_(loop), registry_(registry), dialect_(dialect), options_(std::move(options)) {}

AssetStore::~AssetStore() = default;

Result<void> AssetStore::open() {
  Files& files = posix_files();
  RETURN_IF_ERROR(files.create_directories(options_.directory));
  ASSIGN_OR_RETURN(const auto rows, registry_.assets());
  std::set<std::string> known;
  for (const auto& row : rows) known.insert(row.id);
  ASSIGN_OR_RETURN(const auto names, files.list(options_.directory));
  for (const auto& name : names) {
    // Only what can be a bundle of ours: the directory may be one that a user named.
    const bool ours = name == kIncoming || name.size() == kAssetIdLength;
    if (!ours || known.erase(name) > 0) continue;
    log(LogLevel::info, "removing what is left of an asset that was not stored or was deleted: {}", name);
    RETURN_IF_ERROR(files.remove_tree(directory_of(name)));
  }
  for (const auto& id : known)
    log(LogLevel::error, "the files of asset {} are missing; jobs that use it will fail until it is uploaded again",
        id);
  return {};
}

std::shared_ptr<AssetStore::Incoming> AssetStore::new_incoming() {
  return std::make_shared<Incoming>(loop_, alive_,
                                    fmt::format("{}/{}/{}", options_.directory, kIncoming, ++last_incoming_));
}

Result<std::unique_ptr<AssetUpload>> AssetStore::upload(std::optional<std::uint64_t> announced) {
  if (closed_) return Error(ErrorCode::unavailable, "the master is shutting down");
  if (announced.value_or(0) > options_.upload_limit) return exceeds(options_.upload_limit);
  return std::unique_ptr<AssetUpload>(std::make_unique<Upload>(*this, new_incoming()));
}

// ---- storing ----

void AssetStore::take_in(std::shared_ptr<Incoming> incoming, std::string zip, std::string id,
                         Reply<AssetStored> reply) {
  if (closed_) return reply(Error(ErrorCode::unavailable, "the master is shutting down"));
  const auto row = registry_.asset(id);
  if (!row) return reply(row.error());
  if (*row) return reply(AssetStored{id, true});
  auto prepared = std::make_shared<Prepared>();
  loop_.offload(
      Loop::Executor::assets,
      [prepared, zip = std::move(zip), files = incoming->files(), limits = options_.unpack, &dialect = dialect_] {
        const auto unpacked = unpack_zip(zip, files, limits);
        prepared->contents = unpacked ? read_bundle(files, dialect) : unpacked.error();
      },
      [this, alive = std::weak_ptr<int>(alive_), prepared, incoming, id, reply = std::move(reply)]() mutable {
        if (alive.expired()) return;
        if (!prepared->contents) return reply(prepared->contents.error());
        commit(std::move(incoming), std::move(id), std::move(*prepared->contents), std::move(reply));
      });
}

void AssetStore::commit(std::shared_ptr<Incoming> incoming, std::string id, BundleContents contents,
                        Reply<AssetStored> reply) {
  in_turn([this, incoming = std::move(incoming), id = std::move(id), contents = std::move(contents),
           reply = std::move(reply)] {
    const auto fresh = is_new(id, contents.manifest);
    if (!fresh || !*fresh) {
      reply(fresh ? Result<AssetStored>(AssetStored{id, true}) : fresh.error());
      return next();
    }
    publish(incoming, to_row(id, contents, loop_.wall_ms()), reply);
  });
}

// conflict: other bytes of the same name, version and restrictions.
Result<bool> AssetStore::is_new(const std::string& id, const AssetManifest& manifest) const {
  ASSIGN_OR_RETURN(const auto assets, stored());
  for (const auto& asset : assets) {
    if (asset.id == id) return false;
    if (!same_identity(asset.manifest, manifest)) continue;
    return Error(ErrorCode::conflict,
                 fmt::format("Asset {} already exists, please increment the version and send again",
                             describe_identity(manifest)));
  }
  return true;
}

// The files get their name first, then the row makes them count.
void AssetStore::publish(const std::shared_ptr<Incoming>& incoming, const AssetRow& row, Reply<AssetStored> reply) {
  auto outcome = std::make_shared<Result<void>>();
  const std::string target = directory_of(row.id);
  const auto undo = [this, target] {
    loop_.offload(
        Loop::Executor::assets, [target] { remove_or_log(target); }, [] {});
  };
  auto settled = [this, alive = std::weak_ptr<int>(alive_), undo, id = row.id,
                  reply = std::move(reply)](const Result<void>& result) {
    if (alive.expired()) return;
    if (!result) undo();
    if (result) log(LogLevel::info, "asset {} is stored", id);
    reply(result ? Result<AssetStored>(AssetStored{id, false}) : result.error());
    next();
  };
  loop_.offload(
      Loop::Executor::assets,
      [outcome, incoming, target, parent = options_.directory] {
        *outcome = [&]() -> Result<void> {
          RETURN_IF_ERROR(posix_files().remove_tree(target));
          RETURN_IF_ERROR(posix_files().rename_no_replace(incoming->files(), target));
          RETURN_IF_ERROR(posix_files().sync_directory(parent));
          return fault("asset.renamed");
        }();
      },
      [this, alive = std::weak_ptr<int>(alive_), outcome, incoming, row, settled = std::move(settled)] {
        if (alive.expired()) return;
        if (!*outcome) return settled(*outcome);
        RegistryBatch batch;
        batch.assets.push_back(row);
        registry_.write(std::move(batch), settled);
      });
}

void AssetStore::in_turn(std::function<void()> step) {
  steps_.push_back(std::move(step));
  if (!std::exchange(busy_, true)) next();
}

void AssetStore::next() {
  if (steps_.empty()) {
    busy_ = false;
    return;
  }
  // Not from within the step before: a long queue must not become a deep stack.
  loop_.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    auto step = std::move(steps_.front());
    steps_.pop_front();
    step();
  });
}

void AssetStore::load_directory(const std::string& path) {
  auto zips = std::make_shared<std::vector<std::string>>();
  loop_.offload(
      Loop::Executor::assets,
      [path, zips] {
        const auto names = posix_files().list(path);
        if (!names) return log(LogLevel::error, "autoload_directory: {}", names.error().message);
        for (const auto& name : *names)
          if (name.ends_with(".zip")) zips->push_back(path + "/" + name);
      },
      [this, alive = std::weak_ptr<int>(alive_), zips] {
        if (!alive.expired()) import(std::move(*zips));
      });
}

void AssetStore::import(std::vector<std::string> zips) {
  for (const auto& zip : zips) {
    auto id = std::make_shared<Result<std::string>>(std::string());
    loop_.offload(
        Loop::Executor::assets, [id, zip] { *id = digest_of_file(zip); },
        [this, alive = std::weak_ptr<int>(alive_), id, zip] {
          if (alive.expired()) return;
          const auto report = [zip](const Result<AssetStored>& stored) {
            if (!stored) log(LogLevel::error, "autoload_directory: {}: {}", zip, stored.error().message);
          };
          if (!*id) return report(id->error());
          take_in(new_incoming(), zip, **id, report);
        });
  }
}

// ---- removing ----

// Once everything that was asked before is durable, every execution that may use the bundle is in the registry.
void AssetStore::remove(const std::string& id, Reply<std::string> reply) {
  if (closed_) return reply(Error(ErrorCode::unavailable, "the master is shutting down"));
  in_turn([this, id, reply = std::move(reply)] {
    leaving_.insert(id);
    registry_.write({}, [this, alive = std::weak_ptr<int>(alive_), id, reply](const Result<void>& flushed) {
      if (alive.expired()) return;
      const auto row = registry_.asset(id);
      Result<void> may = flushed;
      if (may && !row) may = row.error();
      if (may && !*row) may = Error(ErrorCode::not_found, fmt::format("Unable to find asset {}", id));
      if (may) may = check_unused(id);
      if (may) return erase(id, reply);
      leaving_.erase(id);
      reply(may.error());
      next();
    });
  });
}

Result<void> AssetStore::check_unused(const std::string& id) const {
  ASSIGN_OR_RETURN(const auto executions, registry_.live_executions());
  for (const auto& execution : executions) {
    ASSIGN_OR_RETURN(const JobSpec spec, spec_of(registry_, execution));
    if (!find_bundle(spec.bundles, id)) continue;
    return Error(ErrorCode::conflict, fmt::format("Asset {} is used by execution {} of job {}, stop it first", id,
                                                  execution.ex_id.text, execution.job_id.text));
  }
  return {};
}

void AssetStore::erase(const std::string& id, Reply<std::string> reply) {
  RegistryBatch batch;
  batch.erased_assets.push_back(id);
  registry_.write(std::move(batch), [this, alive = std::weak_ptr<int>(alive_), id, reply](const Result<void>& erased) {
    if (alive.expired()) return;
    leaving_.erase(id);
    if (!erased) {
      reply(erased.error());
      return next();
    }
    loop_.offload(
        Loop::Executor::assets, [path = directory_of(id)] { remove_or_log(path); },
        [this, alive, id, reply] {
          if (alive.expired()) return;
          reply(id);
          next();
        });
  });
}

// ---- reading ----

void AssetStore::list(const AssetQuery& query, Reply<std::vector<Json>> reply) {
  const auto rows = registry_.assets(query);
  if (!rows) return reply(rows.error());
  std::vector<Json> list;
  for (const auto& row : *rows) {
    const auto doc = parse_doc(row);
    if (!doc) return reply(doc.error());
    Json item = {{"name", row.name}, {"version", row.version}};
    for (const char* member : {"description", "node_version", "platform", "arch"})
      if (doc->contains(member)) item[member] = (*doc)[member];
    item["id"] = row.id;
    list.push_back(dialect_.bundle_document(row.created, item));
  }
  reply(std::move(list));
}

Result<std::vector<StoredAsset>> AssetStore::stored() const {
  ASSIGN_OR_RETURN(const auto rows, registry_.assets());
  std::vector<StoredAsset> assets;
  for (const auto& row : rows) {
    ASSIGN_OR_RETURN(StoredAsset asset, from_row(row));
    asset.directory = directory_of(asset.id);
    assets.push_back(std::move(asset));
  }
  return assets;
}

Result<AssetBundle> AssetStore::resolve(std::string_view reference) const {
  ASSIGN_OR_RETURN(auto assets, stored());
  std::erase_if(assets, [&](const StoredAsset& asset) { return leaving_.contains(asset.id); });
  return resolve_asset(reference, assets);
}

}  // namespace slicemill::master
