// The dialects that this program speaks: the one list of them. Whoever adds a dialect adds a row.
#pragma once

#include <span>
#include <string_view>

#include "api/http/router.h"
#include "core/model/asset_service.h"
#include "core/model/commands.h"
#include "core/model/job_views.h"
#include "core/runtime/config.h"

namespace slicemill::api {

// What a dialect asks. All of them outlive its routes.
struct DialectServices {
  JobService& jobs;
  JobViews& views;
  AssetService& assets;
};

struct DialectEntry {
  std::string_view name;
  std::string_view prefix;  // of its paths on the common port; "": the root, and /v1
  Dialect (*routes)(const DialectServices& services, std::string_view prefix);
};

// The first one stands at the root of the common port, and is the one that jobs of the command line are written in.
std::span<const DialectEntry> dialects();
// nullptr: there is none of that name.
const DialectEntry* find_dialect(std::string_view name);

// The configuration files of other programs that are understood.
const ForeignConfig& foreign_config();

}  // namespace slicemill::api
