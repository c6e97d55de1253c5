#include "api/dialects/teraslice/asset_routes.h"

#include <fmt/core.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "api/dialects/teraslice/display_text.h"
#include "api/dialects/teraslice/route_docs.h"
#include "api/dialects/teraslice/teraslice_arguments.h"
#include "api/dialects/teraslice/teraslice_json.h"
#include "api/dialects/teraslice/text_table.h"

namespace slicemill::api::teraslice {
namespace {

constexpr int kCreated = 201;
constexpr std::size_t kDescriptionColumns = 30;
constexpr std::array<std::string_view, 8> kColumns = {"name",        "version",      "id",       "_created",
                                                      "description", "node_version", "platform", "arch"};

// The body of POST /assets, on its way into the store.
class UploadSink final : public BodySink {
 public:
  explicit UploadSink(std::unique_ptr<AssetUpload> upload) : upload_(std::move(upload)) {}
  void write(std::string piece, std::function<void(Result<void>)> ready) override {
    upload_->write(std::move(piece), std::move(ready));
  }
  AssetUpload& upload() { return *upload_; }

 private:
  std::unique_ptr<AssetUpload> upload_;
};

BodyOpening open_upload(AssetService& service, const Request& head) {
  if (is_body_of_json_type(head)) return error_response(400, "/asset endpoints do not accept json");
  auto upload = service.upload(head.content_length);
  if (!upload) return error_response(asset_error_table(), upload.error(), "Could not save asset");
  return std::make_shared<UploadSink>(std::move(*upload));
}

// `blocking` changes nothing: the answer tells what became of the bundle, and comes when it is durable.
void store(Request& request, const Respond& respond) {
  const auto sink = request.sink;  // lives until the answer
  static_cast<UploadSink&>(*sink).upload().store([sink, respond](Result<AssetStored> stored) {
    if (!stored) return respond(error_response(asset_error_table(), stored.error(), "Could not save asset"));
    respond(json_response({{"asset_id", stored->id}}, stored->was_there ? 200 : kCreated));
  });
}

void remove(AssetService& service, const Request& request, const Respond& respond) {
  const std::string& id = request.path_parameter("id");
  if (id.size() != kAssetIdLength) {
    // A text in `error`, as clients know it.
    const auto text = fmt::format("asset {} is not formatted correctly, please provide the full asset_id", id);
    return respond(json_response({{"error", text}}, 400));
  }
  service.remove(id, [respond](Result<std::string> removed) {
    if (!removed) return respond(error_response(asset_error_table(), removed.error(), "Could not delete asset"));
    respond(json_response({{"asset_id", *removed}}));
  });
}

// Which bundles the path and the parameters ask for.
Argument<AssetQuery> listed(const Request& request, bool by_name, bool by_version) {
  ASSIGN_OR_RETURN(AssetQuery query, asset_query(request));
  if (by_name) query.name = request.path_parameter("name");
  if (by_version) query.version = request.path_parameter("version");
  return query;
}

void list(AssetService& service, const Request& request, const Respond& respond, bool by_name, bool by_version) {
  const auto query = listed(request, by_name, by_version);
  if (!query) return respond(error_response(query.error().status, query.error().message));
  service.list(*query, [respond](Result<std::vector<Json>> items) {
    if (!items) return respond(error_response(asset_error_table(), items.error(), "Could not list assets"));
    Json array = Json::array();
    for (Json& item : *items) array.push_back(std::move(item));
    respond(json_response(array));
  });
}

// What a bundle does not say is blank here, not N/A, and descriptions are cut.
std::string asset_cell(const Json& asset, std::string_view column) {
  if (column.find_first_of(".[") == std::string_view::npos && !asset.contains(std::string(column))) return "";
  std::string text = cell_text(asset, column);
  return column == "description" ? fitted(text, kDescriptionColumns, "") : text;
}

void print(AssetService& service, const Request& request, const Respond& respond, bool by_name, bool by_version) {
  const auto query = listed(request, by_name, by_version);
  if (!query) return respond(error_response(query.error().status, query.error().message));
  service.list(*query, [request, respond](const Result<std::vector<Json>>& items) {
    if (!items) return respond(error_response(asset_error_table(), items.error(), "Could not list assets"));
    respond(table_response(request, *items, kColumns, asset_cell));
  });
}

}  // namespace

std::vector<Route> asset_table_routes(AssetService& service) {
  const auto table = [&service](bool by_name, bool by_version) {
    return [&service, by_name, by_version](Request& request, const Respond& respond) {
      print(service, request, respond, by_name, by_version);
    };
  };
  return {{Method::get, "/txt/assets", table(false, false), nullptr, docs::kTableOfAssets},
          {Method::get, "/txt/assets/:name", table(true, false), nullptr, docs::kTableOfAssets},
          {Method::get, "/txt/assets/:name/:version", table(true, true), nullptr, docs::kTableOfAssets}};
}

std::vector<Route> asset_routes(AssetService& service) {
  const auto listing = [&service](bool by_name, bool by_version) {
    return [&service, by_name, by_version](Request& request, const Respond& respond) {
      list(service, request, respond, by_name, by_version);
    };
  };
  return {
      {Method::post, "/assets", store, [&service](const Request& head) { return open_upload(service, head); },
       docs::kStoreAsset},
      {Method::get, "/assets", listing(false, false), nullptr, docs::kListAssets},
      {Method::get, "/assets/:name", listing(true, false), nullptr, docs::kListAssets},
      {Method::get, "/assets/:name/:version", listing(true, true), nullptr, docs::kListAssets},
      {Method::del, "/assets/:id",
       [&service](Request& request, const Respond& respond) { remove(service, request, respond); }, nullptr,
       docs::kRemoveAsset},
  };
}

}  // namespace slicemill::api::teraslice
