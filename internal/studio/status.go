package studio

import (
	"fmt"
	"strings"
)

// statusCode tells when a noun has a status code; "never: …" tells why it cannot.
type statusCode struct {
	code StatusCode
	when string
}

// statusCodes are those of one noun, all that the shape of the service model has.
type statusCodes struct {
	shape string
	codes []statusCode
}

// writeStatusCodes writes the tables of the status codes.
func writeStatusCodes(b *strings.Builder) {
	b.WriteString("\n## Status codes\n\nEvery code of the service model: when it is there, or why it never is.\n")
	for _, of := range allStatusCodes() {
		fmt.Fprintf(b, "\n### %s\n\n| code | when |\n|---|---|\n", of.shape)
		for _, c := range of.codes {
			fmt.Fprintf(b, "| %s | %s |\n", c.code, c.when)
		}
	}
}

const (
	noKeys      = "never: keys of one's own are no part of this noun here"
	noService   = "never: there is no such service on this installation"
	noMeans     = "never: this installation has no such part that could fail"
	serverFault = "something failed on the server for as long as it was tried"
)

func allStatusCodes() []statusCodes {
	return []statusCodes{
		{"StudioStatusCode", []statusCode{
			{"STUDIO_CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"},
			{"STUDIO_CREATED", "READY, as it was made"},
			{"STUDIO_UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"},
			{"STUDIO_UPDATED", "READY, after a change"},
			{"STUDIO_DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS"},
			{"STUDIO_DELETED", "DELETED"},
			{repairing, "UPDATE_IN_PROGRESS, while a studio without an ssoClientId gets one; no operation takes it away"},
			{repaired, "READY, after that"},
			{"STUDIO_WITH_LAUNCH_PROFILES_NOT_DELETED", "DELETE_FAILED: there are launch profiles"},
			{"STUDIO_WITH_STUDIO_COMPONENTS_NOT_DELETED", "DELETE_FAILED: there are studio components"},
			{"STUDIO_WITH_STREAMING_IMAGES_NOT_DELETED", "DELETE_FAILED: there are streaming images, provided ones not counted"},
			{"ROLE_NOT_OWNED_BY_STUDIO_OWNER", "CREATE_FAILED, UPDATE_FAILED: a role's ARN names another account"},
			{"ROLE_COULD_NOT_BE_ASSUMED", "CREATE_FAILED, UPDATE_FAILED: a role is not named by the ARN of a role"},
			{"ENCRYPTION_KEY_NOT_FOUND", "CREATE_FAILED: the key is not named by the ARN of a key"},
			{"ENCRYPTION_KEY_ACCESS_DENIED", "CREATE_FAILED: the key's ARN names another account"},
			{"AWS_SSO_NOT_ENABLED", "never: the identity store is part of the installation"},
			{"AWS_SSO_ACCESS_DENIED", "never: the identity store is part of the installation"},
			{"AWS_STS_REGION_DISABLED", noService},
			{InternalFailure, noMeans},
		}},
		{"StudioComponentStatusCode", []statusCode{
			{"STUDIO_COMPONENT_CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"},
			{"STUDIO_COMPONENT_CREATED", "READY, as it was made"},
			{"STUDIO_COMPONENT_UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"},
			{"STUDIO_COMPONENT_UPDATED", "READY, after a change"},
			{"STUDIO_COMPONENT_DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS"},
			{"STUDIO_COMPONENT_DELETED", "DELETED"},
			{"ACTIVE_DIRECTORY_ALREADY_EXISTS", "CREATE_FAILED, UPDATE_FAILED: another component of the studio is a directory"},
			{"ENCRYPTION_KEY_ACCESS_DENIED", noKeys},
			{"ENCRYPTION_KEY_NOT_FOUND", noKeys},
			{InternalFailure, noMeans},
		}},
		{"LaunchProfileStatusCode", []statusCode{
			{"LAUNCH_PROFILE_CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"},
			{"LAUNCH_PROFILE_CREATED", "READY, as it was made"},
			{"LAUNCH_PROFILE_UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"},
			{"LAUNCH_PROFILE_UPDATED", "READY, after a change"},
			{"LAUNCH_PROFILE_DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS"},
			{"LAUNCH_PROFILE_DELETED", "DELETED"},
			{"LAUNCH_PROFILE_WITH_STREAM_SESSIONS_NOT_DELETED", "DELETE_FAILED: there are sessions of it"},
			{"STREAMING_IMAGE_NOT_FOUND", "CREATE_FAILED, UPDATE_FAILED: an image does not exist in the studio"},
			{"STREAMING_IMAGE_NOT_READY", "CREATE_FAILED, UPDATE_FAILED: an image is still being made, changed or deleted"},
			{"INVALID_INSTANCE_TYPES_PROVIDED", "CREATE_FAILED, UPDATE_FAILED: the installation has no machine for a type"},
			{"INVALID_SUBNETS_PROVIDED", "CREATE_FAILED, UPDATE_FAILED: the installation has no such network, and strict_networks is set"},
			{"INVALID_SUBNETS_COMBINATION", "never: there is one network"},
			{"ENCRYPTION_KEY_ACCESS_DENIED", noKeys},
			{"ENCRYPTION_KEY_NOT_FOUND", noKeys},
			{InternalFailure, noMeans},
		}},
		{"LaunchProfileValidationStatusCode", []statusCode{
			{"VALIDATION_IN_PROGRESS", "while the launch profile is being made or changed"},
			{"VALIDATION_SUCCESS", "nothing is in the way"},
			{"VALIDATION_NOT_STARTED", "of a directory: directories are not looked up"},
			{"VALIDATION_FAILED_SUBNET_NOT_FOUND", "the installation has no such network; the default one is used"},
			{"VALIDATION_FAILED_INVALID_SECURITY_GROUP_ASSOCIATION", "the installation has no such egress rules; the default ones hold"},
			{"VALIDATION_FAILED_INVALID_SUBNET_ROUTE_TABLE_ASSOCIATION", noMeans},
			{"VALIDATION_FAILED_INVALID_ACTIVE_DIRECTORY", "never: directories are not looked up"},
			{"VALIDATION_FAILED_UNAUTHORIZED", noMeans},
			{"VALIDATION_FAILED_INTERNAL_SERVER_ERROR", noMeans},
		}},
		{"StreamingImageStatusCode", []statusCode{
			{"STREAMING_IMAGE_CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"},
			{"STREAMING_IMAGE_UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"},
			{"STREAMING_IMAGE_READY", "READY"},
			{"STREAMING_IMAGE_DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS"},
			{"STREAMING_IMAGE_DELETED", "DELETED"},
			{"ACCESS_DENIED", "CREATE_FAILED: there is no such machine image, or it is not one for Linux"},
			{InternalFailure, "CREATE_FAILED: " + serverFault},
		}},
		{"StreamingSessionStatusCode", []statusCode{
			{"STREAMING_SESSION_CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS, of a backup too"},
			{"STREAMING_SESSION_READY", "READY, after its creation, of a backup too"},
			{sessionStarted, "READY, after a start"},
			{"STREAMING_SESSION_STOP_IN_PROGRESS", "STOP_IN_PROGRESS"},
			{"STREAMING_SESSION_STOPPED", "STOPPED"},
			{"STREAMING_SESSION_START_IN_PROGRESS", "START_IN_PROGRESS"},
			{"STREAMING_SESSION_DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS, of a backup too"},
			{"STREAMING_SESSION_DELETED", "DELETED, of a backup too"},
			{InsufficientCapacity, "CREATE_FAILED, START_FAILED: the machine or the disk has no room"},
			{ImageInvalid, "CREATE_FAILED, START_FAILED: the machine image is gone"},
			{InternalFailure, "any failure: " + serverFault},
			{"NETWORK_CONNECTION_ERROR", noMeans},
			{"NETWORK_INTERFACE_ERROR", noMeans},
			{"ACTIVE_DIRECTORY_DOMAIN_JOIN_ERROR", "never: desktops join no directory"},
			{ScriptFailed, "CREATE_FAILED, START_FAILED: a system initialization script failed, or took too long"},
			{"DECRYPT_STREAMING_IMAGE_ERROR", "never: machine images are not encrypted"},
		}},
		{"StreamingSessionStreamStatusCode", []statusCode{
			{"STREAM_CREATE_IN_PROGRESS", "never: a stream is READY at once"},
			{"STREAM_READY", "READY"},
			{"STREAM_DELETE_IN_PROGRESS", "never: a stream is DELETED at once"},
			{"STREAM_DELETED", "DELETED"},
			{InternalFailure, noMeans},
			{"NETWORK_CONNECTION_ERROR", noMeans},
		}},
	}
}
