# What Cloud Scheduler posts. It stands alone because a test evaluates it without the provider.

locals {
  launch = {
    launchParameter = {
      jobName              = "albert-embed-nightly"
      containerSpecGcsPath = var.template
      parameters           = merge({ incremental = "true" }, var.parameters)
      environment = {
        tempLocation        = "gs://${var.bucket}/tmp"
        serviceAccountEmail = local.worker
      }
    }
  }
}
