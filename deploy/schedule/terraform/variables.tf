variable "project" { type = string }
variable "region" { type = string }

variable "template" {
  type        = string
  description = "The Flex Template, gs://BUCKET/albert-embed.json."
}

variable "bucket" {
  type        = string
  description = "The bucket that holds model, corpus, output and temporary files; its name alone."
}

variable "parameters" {
  type        = map(string)
  description = "The template's parameters: model, input, output and whatever else; all are strings."
}

variable "schedule" {
  type    = string
  default = "0 2 * * *"
}
