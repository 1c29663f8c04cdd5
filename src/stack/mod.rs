//! One file per component: what it wants on the host, and how to tell that it works.
//!
//! To add a component, add its file and a line in `node.rs`. Lists of values that people change stand at the top of each
//! file or under `deploy/`. Nothing here prints.

pub mod agent;
mod agent_hooks;
mod agent_key;
mod agent_repair;
pub mod base;
pub mod daemons;
pub mod daemons_catalogue;
pub mod daemons_check;
pub mod daemons_code;
pub mod daemons_selection;
pub mod daemons_start;
pub mod daemons_units;
pub mod daemons_venv;
pub mod dump;
pub mod environment;
pub mod group;
pub mod nginx;
pub mod nginx_certificate;
pub mod nginx_config;
pub mod nginx_files;
pub mod nginx_operators;
pub mod nginx_users;
pub mod node;
pub mod odoo;
pub mod odoo_admin;
pub mod odoo_archive;
pub mod odoo_database;
pub mod odoo_folders;
pub mod odoo_repair;
pub mod odoo_settings;
pub mod odoo_source;
pub mod part;
pub mod postgresql;
pub mod postgresql_cluster;
pub mod postgresql_objects;
pub mod postgresql_settings;
pub mod powerdns;
pub mod powerdns_database;
pub mod powerdns_zone;
pub mod rabbitmq;
pub mod rabbitmq_objects;
pub mod redis;
mod root_alone;
pub mod services;
pub mod target;
pub mod template;
pub mod verify;

pub use node::{Node, NodeError};
